package healing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// repairer carries out one repair of a volume whose client is alive, while no other call uses the volume.
type repairer struct {
	*Healer
	ctx         context.Context //nolint:containedctx // of one repair
	volume      fuseclient.Served
	staging     *os.File // root of the mount at the staging path, from which all mounts are cloned
	descriptors *os.File // /proc/self/fd of this process
	// groups maps peer groups to mount points: those of the mounts on the node that are replaced. Mounts in containers may be in such
	// a group, or receive from it.
	groups map[string]string
	former []tables.Snapshot // of clients that have ended
	// ended holds an open mount of each device whose client is known to have ended. While it is open, the kernel gives the device
	// number to no other client.
	ended   map[mount.Device]*os.File
	urgent  bool // the volume's client has just died
	outcome Outcome
}

func (h *Healer) open(ctx context.Context, s fuseclient.Served) (*repairer, error) {
	staging, err := mount.OpenPath(s.StagingPath)
	if err != nil {
		return nil, err
	}
	r := &repairer{Healer: h, ctx: ctx, volume: s, staging: staging, groups: map[string]string{}, ended: map[mount.Device]*os.File{}}
	if r.descriptors, err = mount.OpenPath("/proc/self/fd"); err == nil {
		var at mount.Identity
		if at, err = mount.Identify(staging); err == nil && at.Device != s.Device {
			err = fmt.Errorf("%w: %s is of device %s, not %s", mount.ErrNotMounted, s.StagingPath, at.Device, s.Device)
		}
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *repairer) close() {
	_ = r.staging.Close()
	if r.descriptors != nil {
		_ = r.descriptors.Close()
	}
	for _, point := range r.ended {
		_ = point.Close()
	}
}

// namespace is a mount namespace in which mounts are repaired.
type namespace struct {
	table tables.Table
	root  *os.File
	pidfd int
}

// enter opens the namespace of a table. The error wraps fs.ErrNotExist if its process has ended.
func enter(t tables.Table) (*namespace, error) {
	if isOwn(t) {
		root, err := mount.OpenPath("/")
		return &namespace{table: t, root: root, pidfd: -1}, err
	}
	pidfd, err := t.Open()
	if err != nil {
		return nil, err
	}
	root, err := mount.RootOf(t.PID, pidfd)
	if err == nil {
		if err = checkRoot(t.PID, root); err == nil {
			return &namespace{table: t, root: root, pidfd: pidfd}, nil
		}
		_ = root.Close()
	}
	_ = unix.Close(pidfd)
	return nil, err
}

// checkRoot returns errLost if the root directory of a process is in a file system that may never answer. This check only avoids
// requests that would block until their limit. It does not protect from an attack, because a container with the privilege to mount
// can make such a file system look local.
func checkRoot(pid int, root *os.File) error {
	at, err := mount.Identify(root)
	if err != nil {
		return err
	}
	found, err := tables.Select(pid, func(id int, _, _ string) bool { return uint64(id) == at.Mount })
	if err != nil {
		return err
	}
	if len(found) == 0 || !isLocal(found[0].FSType) {
		return fmt.Errorf("%w: the root directory of process %d is not on a local file system", errLost, pid)
	}
	return nil
}

// isLocal reports whether a container runtime may use this type of file system for a root directory. FUSE (except fuse-overlayfs)
// and network file systems depend on other processes.
func isLocal(fsType string) bool {
	switch fsType {
	case "overlay", "fuse.fuse-overlayfs", "ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "jfs", "nilfs2", "zfs", "tmpfs", "ramfs", "rootfs", "erofs", "squashfs", "f2fs", "aufs", "virtiofs":
		return true
	}
	return false
}

func (n *namespace) close() {
	_ = n.root.Close()
	if n.pidfd != -1 {
		_ = unix.Close(n.pidfd)
	}
}

// run calls fn on a thread in the namespace. fn must use open files and no paths, because a path could lead to a client that never
// answers. If the process has ended since enter, run returns errGone.
func (n *namespace) run(fn func() error) error {
	if isOwn(n.table) {
		return fn()
	}
	err := mount.InNamespaceOnly(n.pidfd, fn)
	if errors.Is(err, unix.ESRCH) {
		return errGone
	}
	return err
}

// mountPoint opens the mount if it is still the topmost one at its mount point.
func (r *repairer) mountPoint(n *namespace, m tables.Mount) (*os.File, mount.Identity, error) {
	point, err := r.asker.OpenAcross(r.ctx, r.limits.Ask, n.root, relative("/", m.Point))
	if isMissing(err) {
		return nil, mount.Identity{}, errGone // hidden by a mount above it
	}
	if err != nil {
		return nil, mount.Identity{}, err
	}
	at, err := mount.Identify(point)
	if err == nil && (at.Mount != uint64(m.ID) || at.Device != m.Device || !at.IsRoot) {
		err = errGone
	}
	if err != nil {
		_ = point.Close()
		return nil, mount.Identity{}, err
	}
	return point, at, nil
}

// errGone is returned when the mount or its namespace is gone, or when another mount hides the mount. Nothing needs to be repaired.
var errGone = errors.New("the mount is gone, or another one is on top")

// errLost is returned when the mount can never be repaired.
var errLost = errors.New("cannot be repaired")

// directory opens the file or directory that a mount of the volume shows, below the open directory from. It returns errLost if the
// inode number is not the given one, because another file then has the name. GlusterFS derives inode numbers from the files' ids,
// so they are the same for all clients.
func (r *repairer) directory(m tables.Mount, inode uint64, from *os.File) (*os.File, error) {
	dir, err := r.asker.Open(r.ctx, r.limits.Ask, from, r.inVolume(m))
	if err != nil {
		return nil, lostIfMissing(err)
	}
	at, err := mount.Identify(dir)
	if err == nil && at.Inode != inode {
		err = fmt.Errorf("%w: %s in the volume has been replaced by another file", errLost, m.Root)
	}
	if err != nil {
		_ = dir.Close()
		return nil, err
	}
	return dir, nil
}

func (r *repairer) inVolume(m tables.Mount) string { return inVolume(r.volume, m) }

// inVolume returns the path of the directory that a mount shows, relative to the root of the mount at the staging path.
func inVolume(s fuseclient.Served, m tables.Mount) string {
	name := strings.TrimPrefix(m.Root, "/")
	if s.Subdir == "" || hasDirectoryAsRoot(s, m) {
		return orSelf(name)
	}
	if name == s.Subdir || strings.HasPrefix(name, s.Subdir+"/") {
		name = strings.TrimPrefix(name[len(s.Subdir):], "/")
	}
	return orSelf(name)
}

// hasDirectoryAsRoot reports whether a mount is of a client that an older version of the driver has started. Such a client has Subdir
// as its root, which shows in the source of its mounts.
func hasDirectoryAsRoot(s fuseclient.Served, m tables.Mount) bool {
	return s.Subdir != "" && strings.HasSuffix(m.Source, ":/"+s.Volume+"/"+s.Subdir)
}

// relative returns the path from one directory to a name below it, for openat2.
func relative(from, to string) string {
	return orSelf(strings.TrimPrefix(strings.TrimPrefix(to, from), "/"))
}

func orSelf(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// note records the outcome for one mount.
func (r *repairer) note(t tables.Table, m tables.Mount, covered bool, err error) {
	switch {
	case errors.Is(err, errGone):
	case errors.Is(err, errLost), errors.Is(err, mount.ErrUncoverable):
		loss := Loss{Pod: t.Pod, Point: m.Point, Reason: err.Error()}
		if errors.Is(err, mount.ErrUncoverable) {
			loss.Reason, loss.DeletePod = mount.ErrUncoverable.Error(), true
			if isOwn(t) { // perhaps no container of the pod runs now, but each container that starts needs this mount
				loss.Pod = podOfSubPath(m.Point)
			}
		}
		r.outcome.lostIn = withLost(r.outcome.lostIn, []tables.Table{{Namespace: t.Namespace, PID: t.PID, Start: t.Start, Pod: t.Pod, Mounts: []tables.Mount{m}}})
		if !slices.Contains(r.outcome.Lost, loss) {
			r.outcome.Lost = append(r.outcome.Lost, loss)
		}
	case err != nil:
		r.outcome.Pending++
		if r.isNewFailure(r.volume.VolumeID, t.Pod+" "+m.Point+": "+err.Error()) {
			klog.FromContext(r.ctx).Info("A mount could not be repaired yet", "volumeID", r.volume.VolumeID, "path", m.Point, "pod", t.Pod, "err", err.Error())
		}
	default:
		r.outcome.Mounts++
		r.outcome.recordReturned(t, m, r.volume.Device)
		if covered {
			r.outcome.Covered++
			if r.outcome.coveredIn == nil {
				r.outcome.coveredIn = map[tables.Target]string{}
			}
			r.outcome.coveredIn[t.Target()] = t.Pod
		}
		if t.Pod != "" && !slices.Contains(r.outcome.Pods, t.Pod) {
			r.outcome.Pods = append(r.outcome.Pods, t.Pod)
		}
	}
}

// kubeletSubPath matches the kubelet's mount of a subPath: .../pods/UID/volume-subpaths/VOLUME/CONTAINER/INDEX.
var kubeletSubPath = regexp.MustCompile(`/pods/([^/]+)/volume-subpaths/[^/]+/[^/]+/[0-9]+$`)

// podOfSubPath returns the UID of the pod to which the kubelet's mount of a subPath belongs, or "" for another mount.
func podOfSubPath(point string) string {
	if found := kubeletSubPath.FindStringSubmatch(point); found != nil {
		return found[1]
	}
	return ""
}

// below reports whether name is dir or lies in it.
func below(dir, name string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}
