package kube

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/strays"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

const (
	kubeletDir = "/var/lib/kubelet"
	stagings   = "plugins/kubernetes.io/csi/" + driver.Name
	stateDir   = "/var/lib/glusterfs-csi"
	// inPods is a part of the paths of CSI drivers' volumes.
	inPods = "/volumes/kubernetes.io~csi"
	// clientCgroup is the cgroup that the driver makes.
	clientCgroup = "glusterfs-csi"
)

// snapshot lists the state of both nodes together, because a pod may move from one to the other.
func (r *Rig) snapshot(ctx context.Context) (strays.Snapshot, error) {
	var all strays.Snapshot
	var errs []error
	add := func(kind, lines string, err error) {
		for line := range strings.Lines(lines) {
			all = append(all, kind+" "+strings.TrimSpace(line))
		}
		errs = append(errs, err)
	}
	for _, node := range r.cluster.Nodes() {
		ps, err := node.Machine.Output(ctx, "ps", "-eo", "comm=")
		add("process", withoutShims(ps), err)
		mounts, err := outside.Mounts(ctx, node.Machine, func(m *mountinfo.Info) (skip, stop bool) { return !ofVolumes(m.Mountpoint), false })
		add("mount", "", err)
		for _, m := range mounts {
			add("mount", node.Name+" "+m.Mountpoint+" "+m.FSType, nil)
		}
		// The copies of the client's files are not listed individually.
		files, err := node.Machine.Output(ctx, "sh", "-c", `for d; do test ! -e "$d" || find "$d" -mindepth 1 -xdev -path "*/tree/*/*" -prune -o -print; done`,
			"sh", stateDir, filepath.Join(kubeletDir, stagings))
		add("file "+node.Name, files, err)
		volumes, err := node.Machine.Output(ctx, "find", filepath.Join(kubeletDir, "pods"), "-xdev", "-path", "*"+inPods+"*")
		add("file "+node.Name, volumes, err)
	}
	groups, err := strays.Cgroups(clientCgroup)
	add("cgroup", strings.Join(groups, "\n"), err)
	attachments, err := r.cluster.Kubectl(ctx, "get", "volumeattachments", "-o", "name")
	add("object", attachments, err)
	return all, errors.Join(errs...)
}

// withoutShims leaves out containerd's shims: containerd may forget a shim that it was starting when it was killed. If a shim has
// kept a container, the container's own processes are listed.
func withoutShims(ps string) string {
	var kept strings.Builder
	for line := range strings.Lines(ps) {
		if strings.TrimSpace(line) != "containerd-shim" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// ofVolumes reports whether a mount belongs to a volume, its client, or the driver's state.
func ofVolumes(mountPoint string) bool {
	return strings.HasPrefix(mountPoint, stateDir) || strings.HasPrefix(mountPoint, filepath.Join(kubeletDir, stagings)) ||
		strings.HasPrefix(mountPoint, kubeletDir) && strings.Contains(mountPoint, inPods+"/")
}

// beneath counts files below the directories on which volumes are mounted. The host has these directories without the mounts.
func (r *Rig) beneath() (int, error) {
	count := 0
	var errs []error
	for _, node := range r.cluster.Nodes() {
		kubelet := filepath.Join(node.Disk(), "kubelet")
		for _, pattern := range []string{filepath.Join(stagings, "*", "globalmount"), filepath.Join("pods", "*", inPods, "*", "mount")} {
			dirs, err := filepath.Glob(filepath.Join(kubelet, pattern))
			errs = append(errs, err)
			for _, dir := range dirs {
				more, err := filesIn(dir)
				count += more
				errs = append(errs, err)
			}
		}
	}
	return count, errors.Join(errs...)
}

// Sweep removes files in the volumes' own directories on which pods have emptyDirs mounted.
func (r *Rig) Sweep(ctx context.Context) error {
	_, err := r.findInside(ctx, "-delete")
	return err
}

// findInside runs find on the files that Sweep removes; they are visible on the nodes. It returns the number of lines that find
// has printed.
func (r *Rig) findInside(ctx context.Context, action string) (lines int, err error) {
	const (
		limit  = 30 * time.Second
		script = `for dir in "$1"/pods/*/volumes/kubernetes.io~csi/*/mount/*-scratch; do test ! -d "$dir" || find "$dir" -mindepth 1 "$2" || exit; done`
	)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, node := range r.cluster.Nodes() {
		out, err := node.Machine.Output(ctx, "sh", "-c", script, "sh", kubeletDir, action)
		if err != nil {
			return lines, err
		}
		lines += strings.Count(out, "\n")
	}
	return lines, nil
}

func filesIn(dir string) (count int, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the kubelet has removed it
			return nil
		}
		if err == nil && !entry.IsDir() {
			count++
		}
		return err
	})
	return count, err
}
