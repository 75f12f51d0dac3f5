package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// repairLimit bounds the repair after a graph change. The kernel drops a mount at its next lookup of an entry that it has cached.
// The cache expires at most a second after the change.
const repairLimit = 10 * time.Second

// noticeTime is how long the node plugin may take to see a new container's mounts. It can restore only mounts that it has seen.
const noticeTime = 3 * time.Second

// graphChanges returns the ways to change the graph of a volume's clients.
func graphChanges() map[string]func(r *rig, v *csi.Volume) {
	return map[string]func(r *rig, v *csi.Volume){
		"expansion": func(r *rig, v *csi.Volume) {
			_, err := r.controller.ControllerExpandVolume(r.call(), expandRequest(v, 2*gib))
			r.ok(err, "ControllerExpandVolume")
		},
		"volume option": func(r *rig, v *csi.Volume) {
			r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", "on")
		},
	}
}

// TestGraphChange changes the graph of a volume. One container has another directory mounted in the volume, a second container has
// only a directory of the volume, and a third one only a directory in that directory. The kernel drops the first mount and marks the
// second as deleted. It does not mark the third, which can then not be bound either. All must be restored, also for a container that
// is started afterwards, and also if no node plugin runs at the time of the change.
func TestGraphChange(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	for name, change := range graphChanges() {
		for when, around := range map[string]func(r *rig, change func()){
			"node plugin runs":    func(_ *rig, change func()) { change() },
			"node plugin is away": func(r *rig, change func()) { r.end(n.plugin, n.plugin.Kill); change() },
			"node plugin is killed": func(r *rig, change func()) {
				change()
				r.end(n.plugin, n.plugin.Kill)
				r.ok(n.plugin.Start(r.call()), "start the node plugin")
			},
		} {
			r.Run(name+", "+when, func(t *testing.T) {
				r := r.on(t)
				v := r.create(createRequest(single()))
				staging := r.stage(n, v)
				p := r.pod(n, v, staging)
				a, b, c := p.start(p.sub, "/data"), p.start(p.target, "/data", p.scratch, "/data/tmp"), p.start(p.deep, "/data")
				before := p.look(a, b, c)
				if err := before.whole(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(noticeTime)
				around(r, func() { change(r, v) })
				if !n.plugin.Running(r.call()) {
					r.eventually(repairLimit, "the damage", func() error { return p.look(a, b, c).damaged() })
					r.ok(n.plugin.Start(r.call()), "start the node plugin")
				}
				if name == "expansion" {
					_, err := n.NodeExpandVolume(r.call(), &csi.NodeExpandVolumeRequest{VolumeId: v.GetVolumeId(), VolumePath: p.target})
					r.ok(err, "NodeExpandVolume")
				}
				r.eventually(repairLimit, "the repair", func() error {
					now := p.look(a, b, c)
					return errors.Join(now.whole(), now.replaced(before))
				})
				p.writesReachScratch(b, staging)
				a.stop()
				c.stop()
				if err := p.look(p.start(p.sub, "/data"), b, p.start(p.deep, "/data")).whole(); err != nil {
					t.Errorf("after the containers were started again: %v", err)
				}
			})
		}
	}
}

// TestGraphChangeBefore65: on Linux before 6.5, a subPath that is marked as deleted stays as it is until its pod is deleted. This must
// not keep containers that start afterwards from being repaired.
func TestGraphChangeBefore65(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	r.end(n.plugin, n.plugin.Kill)
	r.ok(n.plugin.Before65().Start(r.call()), "start the node plugin without MOVE_MOUNT_BENEATH")
	r.Cleanup(func() { r.ok(n.plugin.Restart(r.call()), "restart the node plugin with it") })
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	p := r.pod(n, v, staging)
	a, b := p.start(p.sub, "/data"), p.start(p.target, "/data", p.scratch, "/data/tmp")
	isBack := func(c *podContainer, was place, dir string) func() error {
		return func() error {
			now := c.place(dir, dir+"/mark", "of the empty directory")
			if now.err == nil && (now.id == 0 || now.id == was.id) {
				return fmt.Errorf("at %s is mount %d, and was mount %d", dir, now.id, was.id)
			}
			return now.err
		}
	}
	before := b.place("/data/tmp", "/data/tmp/mark", "of the empty directory")
	time.Sleep(noticeTime)
	r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", "on")
	r.eventually(repairLimit, "the emptyDir is back", isBack(b, before, "/data/tmp"))
	if found := a.place("/data", "/data/file", "of the volume"); found.err != nil {
		t.Errorf("the subPath of a running container: %v", found.err)
	}

	r.publish(n, v, staging, false)
	late := p.start(p.target, "/other", p.scratch, "/other/tmp")
	r.eventually(healLimit, "the container that has started late is saved", r.saved(n, v, "/other/tmp"))
	before = late.place("/other/tmp", "/other/tmp/mark", "of the empty directory")
	r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", "off")
	r.eventually(repairLimit, "its emptyDir is back", isBack(late, before, "/other/tmp"))
}

// sight holds the mounts at the places that matter.
type sight struct {
	scratch, part, host, deep, deepHost place
}

// place is a mount point and the content that can be read there.
type place struct {
	name string
	id   int    // of the mount; 0 means that nothing is mounted
	root string // of the mount, in its file system
	err  error  // of reading the file that belongs there
}

// look accesses the places by name, as applications do: then the kernel notices that a directory has changed.
func (p *pod) look(a, b, c *podContainer) sight {
	p.r.Helper()
	_, err := os.Stat(b.inside("/data/sub"))
	p.r.ok(err, "look up the directory by its name")
	return sight{
		scratch:  b.place("/data/tmp", "/data/tmp/mark", "of the empty directory"),
		part:     a.place("/data", "/data/file", "of the volume"),
		host:     p.hostPlace(p.sub, "of the volume"),
		deep:     c.place("/data", "/data/file", "of the deep directory"),
		deepHost: p.hostPlace(p.deep, "of the deep directory"),
	}
}

func (s sight) places() []place { return []place{s.scratch, s.part, s.host, s.deep, s.deepHost} }

// whole returns an error if a place differs from its state before the change.
func (s sight) whole() error {
	var errs []error
	for _, p := range s.places() {
		switch {
		case p.id == 0:
			errs = append(errs, fmt.Errorf("%s: nothing is mounted there any more", p.name))
		case strings.HasSuffix(p.root, "//deleted"):
			errs = append(errs, fmt.Errorf("%s: its root is %s", p.name, p.root))
		case p.err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", p.name, p.err))
		}
	}
	return errors.Join(errs...)
}

// damaged returns an error unless every place is broken whose damage can be seen.
func (s sight) damaged() error {
	if s.scratch.id != 0 || !strings.HasSuffix(s.part.root, "//deleted") || !strings.HasSuffix(s.host.root, "//deleted") {
		return fmt.Errorf("it is not complete: %+v", s)
	}
	return nil
}

// replaced returns an error if a mount is still the old one: then the change has not reached it yet.
func (s sight) replaced(before sight) error {
	var errs []error
	for i, p := range s.places() {
		if p.id == before.places()[i].id {
			errs = append(errs, fmt.Errorf("%s: mount %d is the one from before", p.name, p.id))
		}
	}
	return errors.Join(errs...)
}

// writesReachScratch checks that writes reach the empty directory, and not the volume's directory below it.
func (p *pod) writesReachScratch(b *podContainer, staging string) {
	p.r.Helper()
	p.r.ok(os.WriteFile(b.inside("/data/tmp/new"), []byte("new"), 0o600), "write into the empty directory")
	if _, err := os.Lstat(p.r.inside(p.n, p.scratch, "new")); err != nil {
		p.r.Errorf("what was written is not there: %v", err)
	}
	entries, err := os.ReadDir(p.r.inside(p.n, staging, "tmp"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		p.r.Errorf("beneath the empty directory, the volume has %v, %v", entries, err)
	}
}
