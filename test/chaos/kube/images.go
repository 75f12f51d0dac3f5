package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// previousTag is the tag of the image that stands for an earlier version, and the version of the driver in it (package
// test/e2e/images).
const previousTag = "previous"

// previousMark is in a file of that image, and of no other.
const previousMark = "# Of another image.\n"

// rollTo gives the node plugins the image with a tag, or, if tag is empty, the image that was installed first. It checks the
// plugins' versions.
func (r *Rig) rollTo(ctx context.Context, tag string) error {
	var set []string
	if tag != "" {
		set = append(set, "node.image.tag="+tag)
	}
	if err := r.upgrade(ctx, set...); err != nil {
		return err
	}
	for _, node := range r.cluster.Nodes() {
		p, err := r.pluginOn(ctx, node.Name)
		if err != nil {
			return err
		}
		version, err := r.cluster.Kubectl(ctx, "exec", p.Metadata.Name, "--namespace="+driver.Namespace, "--", "/glusterfs-csi", "version")
		if err == nil && strings.Contains(version, previousTag) != (tag == previousTag) {
			err = fmt.Errorf("after a roll-out of %q, the node plugin of %s has version %s", tag, node.Name, version)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// upgrade installs the chart with more values. Its limit for hung clients is long, because a client that hangs on purpose must
// not be killed before the end of its round.
func (r *Rig) upgrade(ctx context.Context, set ...string) error {
	return r.driver.Upgrade(ctx, append(set, "node.hungClientLimit=1h")...)
}

func rolledOutAndBack(ctx context.Context, r *Rig) error {
	err := r.rollTo(ctx, previousTag)
	if err == nil {
		err = r.Apps().Progress(ctx)
	}
	return errors.Join(err, r.rollTo(ctx, ""))
}

func (r *Rig) importPrevious(ctx context.Context) error {
	for _, node := range r.cluster.Nodes() {
		if err := node.ImportImages(ctx, r.previous); err != nil {
			return fmt.Errorf("%w; make e2e-images has it", err)
		}
	}
	return nil
}

// oldImageRemoved removes the image from which the clients of all pods were started. The clients must still be able to read a new
// volume file, and the idle pod's client also to load translators for a new graph. The options of the other volumes do not change
// the graph, because GlusterFS itself may read an old file size at the moment of the change.
func oldImageRemoved(ctx context.Context, r *Rig) error {
	var err error
	for _, node := range r.cluster.Nodes() {
		err = errors.Join(err, removeImage(ctx, node))
	}
	for _, c := range []struct{ claim, option string }{
		{first, "performance.cache-size"}, {second, "performance.cache-size"}, {hung, "performance.quick-read"},
	} {
		if err == nil && (c.claim != hung || !r.hanging) {
			err = r.changeOption(ctx, c.claim, c.option)
		}
	}
	if err == nil && !r.hanging {
		_, err = r.kubectl(ctx, "exec", idlerName, "--", "sh", "-c", `set -e; date >/data/idle; test -s /data/idle || { echo "/data/idle is empty" >&2; exit 1; }`)
	}
	return errors.Join(err, r.Apps().Progress(ctx), r.live(ctx), r.importPrevious(ctx))
}

// changeOption changes an option of a volume and changes it back. Each time, it waits until the clients have read the new volume
// file.
func (r *Rig) changeOption(ctx context.Context, claim, option string) error {
	values := map[string][]string{"performance.cache-size": {"64MB", "32MB"}, "performance.quick-read": {"off", "on"}}[option]
	for _, value := range values {
		if _, err := outside.Gluster(ctx, r.cluster.Lab().Storage(2), "volume", "set", r.volumes[claim], option, value); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Second):
		}
	}
	return nil
}

// removeImage removes the previous image with all its names on a node, and waits until its files are gone.
func removeImage(ctx context.Context, node *kubernetes.Node) error {
	list, err := node.Machine.Output(ctx, "ctr", "--namespace=k8s.io", "images", "list")
	if err != nil {
		return err
	}
	names := sameImage(list, ":"+previousTag)
	if len(names) == 0 {
		return fmt.Errorf("%s has no image %s:\n%s", node.Name, previousTag, list)
	}
	if files, err := previousFiles(node); err != nil || len(files) == 0 {
		return errors.Join(fmt.Errorf("no files of the previous image are found on %s", node.Name), err)
	}
	if _, err := node.Machine.Output(ctx, "ctr", append([]string{"--namespace=k8s.io", "images", "remove", "--sync"}, names...)...); err != nil {
		return err
	}
	return eventually(ctx, 2*time.Minute, func() error {
		files, err := previousFiles(node)
		if len(files) > 0 {
			err = fmt.Errorf("files of the previous image are still on %s: %q", node.Name, files)
		}
		return err
	})
}

// previousFiles finds files of the previous image on a node's disk.
func previousFiles(node *kubernetes.Node) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(node.Disk(), "containerd", "io.containerd.snapshotter.v1.*", "snapshots", "*", "fs", "etc", "gai.conf"))
	return slices.DeleteFunc(files, func(file string) bool {
		data, _ := os.ReadFile(file)
		return string(data) != previousMark
	}), err
}

// sameImage finds the image that has a name with a suffix in the output of "ctr images list", and returns all its names.
func sameImage(list, suffix string) []string {
	digests, digest := map[string]string{}, ""
	for line := range strings.Lines(list) {
		fields := strings.Fields(line) // name, type, digest, ...
		if len(fields) < 3 {
			continue
		}
		digests[fields[0]] = fields[2]
		if strings.HasSuffix(fields[0], suffix) {
			digest = fields[2]
		}
	}
	var names []string
	for name, its := range digests {
		if its == digest {
			names = append(names, name)
		}
	}
	return names
}
