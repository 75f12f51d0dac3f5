package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// healLimit is far above the duration of a repair.
const healLimit = 30 * time.Second

// users are containers that use a published volume in each way that Kubernetes offers.
type users struct {
	r        *rig
	private  *container // the whole volume at /mnt/data, with a tmpfs in it; read-only at /mnt/ro
	slave    *container // the same with HostToContainer
	subPaths *container // a directory at /mnt/dir and a file at /mnt/file
	binds    []string   // the kubelet's binds for these, and for a directory in a directory
}

func (r *rig) users(n *node, staging, target string) users {
	r.Helper()
	for _, name := range []string{"sub/deep", "scratch"} {
		r.ok(os.MkdirAll(r.inside(n, target, name), 0o755), "make a directory in the volume")
	}
	r.write(n, "in sub", target, "sub", "file")
	r.write(n, "in root", target, "file")
	r.write(n, "in deep", target, "sub/deep", "file")
	dir, file, deep := r.subPath(n, target, "sub"), r.subPath(n, target, "file"), r.subPath(n, target, "sub/deep")
	// A mount inside the volume is restored from its source on the node: an emptyDir is a directory of the kubelet's.
	emptyDir := r.directory(n)
	_, err := r.command(n.Machine, "mount", "-t", "tmpfs", "emptydir", emptyDir)
	r.ok(err, "make an emptyDir")
	r.Cleanup(func() {
		_, err := r.command(n.Machine, "umount", "--lazy", emptyDir)
		r.ok(err, "remove the emptyDir")
	})
	r.write(n, "kept\n", emptyDir, "former")
	hide := "umount --lazy " + staging // containers do not see the kubelet's directory
	whole := []string{
		"mount -t tmpfs none /mnt && mkdir /mnt/data /mnt/ro",
		"mount --bind " + target + " /mnt/data",
		"mount --bind " + target + " /mnt/ro && mount -o remount,bind,ro,nosuid,nodev,noexec /mnt/ro",
		"mount --bind " + emptyDir + " /mnt/data/scratch",
		hide,
	}
	return users{
		r: r, binds: []string{dir, file, deep},
		private: r.container(n, "private", whole...),
		slave:   r.container(n, "slave", whole...),
		subPaths: r.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/dir && touch /mnt/file",
			"mount --bind "+dir+" /mnt/dir", "mount --bind "+file+" /mnt/file", hide),
	}
}

// check waits until everything works in all containers, and checks their mounts. On kernels before 6.5 the mounts have several
// layers.
func (u users) check(round string, layers int) {
	u.r.Helper()
	for name, c := range map[string]*container{"private": u.private, "slave": u.slave} {
		u.r.eventually(healLimit, name+" container works again", func() error {
			_, err := c.try("cat /mnt/data/file && cat /mnt/ro/file && cat /mnt/data/scratch/former && echo " + round + " > /mnt/data/" + name + "-" + round +
				" && echo " + round + " > /mnt/data/scratch/" + name + "-" + round)
			return err
		})
		if said, err := c.try("touch /mnt/ro/new"); err == nil || !strings.Contains(err.Error(), "Read-only") {
			u.r.Errorf("%s container: a write through the read-only mount: %q, %v", name, said, err)
		}
		for _, m := range c.mounts("/mnt/ro") {
			for _, flag := range []string{"ro", "nosuid", "nodev", "noexec"} {
				if !strings.Contains(","+m.Options+",", ","+flag+",") {
					u.r.Errorf("%s container: the mount at %s has lost %q: %s", name, m.Mountpoint, flag, m.Options)
				}
			}
		}
		if mounts := c.mounts("/mnt/data"); len(mounts) != 2*layers {
			u.r.Errorf("%s container: want the volume and the emptyDir in it %d times, there are %s", name, layers, describe(mounts))
		}
	}
	u.r.eventually(healLimit, "container with subPaths works again", func() error {
		_, err := u.subPaths.try("cat /mnt/dir/file && cat /mnt/file && echo " + round + " > /mnt/dir/sub-" + round)
		return err
	})
}

// TestHeal kills the client of a volume that containers use: they continue with the next client.
func TestHeal(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	for name, before65 := range map[string]bool{"beneath": false, "before Linux 6.5": true} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			if before65 {
				r.end(n.plugin, n.plugin.Kill)
				r.ok(n.plugin.Before65().Start(r.call()), "start the node plugin without MOVE_MOUNT_BENEATH")
				r.Cleanup(func() { r.ok(n.plugin.Restart(r.call()), "restart the node plugin with it") })
			}
			v := r.create(createRequest(single()))
			staging := r.stage(n, v)
			target := r.publish(n, v, staging, false)
			u := r.users(n, staging, target)
			u.check("before", 1)
			time.Sleep(noticeTime)
			for i := range 3 {
				former := r.onlyClient(n, nameOf(v)).PID
				r.signal(n, nameOf(v), "KILL")
				r.eventually(healLimit, "another client", r.replaced(n, v, former))
				layers := 1
				if before65 {
					layers += i + 1
				}
				u.check(fmt.Sprintf("round-%d", i), layers)
			}
			r.read(n, "in root", target, "file")
			if now := r.list(n, filepath.Join(target, "scratch")); len(now) > 0 {
				t.Errorf("written into the volume beneath the emptyDir: %v", now)
			}
			again := r.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/dir /mnt/deep && touch /mnt/file")
			for i, name := range []string{"dir", "file", "deep"} {
				again.run("mount --bind " + u.binds[i] + " /mnt/" + name)
			}
			again.run("cat /mnt/dir/file /mnt/file /mnt/deep/file")
		})
	}
}

// TestHealAfterRestart kills the client and the node plugin: the next plugin repairs the mounts that it finds.
func TestHealAfterRestart(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	u := r.users(n, staging, target)
	time.Sleep(noticeTime)
	r.end(n.plugin, n.plugin.Kill)
	r.signal(n, nameOf(v), "KILL")
	for _, c := range []*container{u.private, u.slave} {
		_, _ = c.try("ls /mnt/data/scratch; sleep 0.7; touch /mnt/data/scratch; sleep 0.2; ls /mnt/data/scratch") // then the kernel drops the mount
	}
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	u.check("after", 1)
	if now := r.list(n, filepath.Join(target, "scratch")); len(now) > 0 {
		t.Errorf("written into the volume beneath the emptyDir: %v", now)
	}
}

// TestHealAfterLostRecord loses a node plugin's records while none runs. The next plugin repairs mounts without another call for
// the volume.
func TestHealAfterLostRecord(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	u := r.users(n, staging, r.publish(n, v, staging, false))
	time.Sleep(noticeTime)
	r.end(n.plugin, n.plugin.Kill)
	records, err := filepath.Glob(filepath.Join(filepath.Dir(n.dir), "state", "volumes", "*"))
	r.ok(err, "list records")
	for _, record := range records {
		r.ok(os.WriteFile(record, []byte("{"), 0o600), "damage a record")
	}
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	time.Sleep(noticeTime)
	r.signal(n, nameOf(v), "KILL")
	u.check("after", 1)
}

// TestContainerUnmounts: a container that may unmount removes a mount that it has made inside the volume. The driver must not
// restore the mount, not even after the death of the client: a command that then deletes the directory would delete the content
// of the mount.
func TestContainerUnmounts(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	c := r.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/data", "mount --bind "+target+" /mnt/data",
		"umount --lazy "+staging) // containers do not see the kubelet's directory
	r.eventually(healLimit, "the container's mount is saved", r.saved(n, v, "/mnt/data"))
	for _, clientDies := range []bool{false, true} {
		c.run("mkdir /mnt/data/own && mount --bind /usr /mnt/data/own")
		r.eventually(healLimit, "the container's own mount is saved", r.saved(n, v, "/mnt/data/own"))
		if clientDies {
			former := r.onlyClient(n, nameOf(v)).PID
			r.signal(n, nameOf(v), "KILL")
			r.eventually(healLimit, "another client", r.replaced(n, v, former))
			r.eventually(healLimit, "the next client's mounts are saved", r.saved(n, v, "/mnt/data/own"))
		}
		c.run("umount /mnt/data/own")
		time.Sleep(noticeTime) // in which the mount must not return
		c.run("! mountpoint -q /mnt/data/own && rmdir /mnt/data/own")
	}
}

// replaced returns a check that another client than the former one runs, and no other.
func (r *rig) replaced(n *node, v *csi.Volume, former string) func() error {
	return func() error {
		if now := r.clients(n, nameOf(v)); len(now) != 1 || now[0].PID == former {
			return fmt.Errorf("there are %v", now)
		}
		return nil
	}
}

// saved returns a check that the node plugin has saved a mount at a path of a container: that of the volume's client, or one
// inside it.
func (r *rig) saved(n *node, v *csi.Volume, point string) func() error {
	return func() error {
		clients := r.clients(n, nameOf(v))
		if len(clients) != 1 {
			return fmt.Errorf("there are the clients %v", clients)
		}
		args := clients[0].Args
		path := filepath.Join(filepath.Dir(n.dir), "state", "mounts", filepath.Base(args[len(args)-1])+".json")
		content, err := os.ReadFile(path)
		if err == nil && !strings.Contains(string(content), fmt.Sprintf("%q: %q", "point", point)) {
			err = fmt.Errorf("%s does not have %s", path, point)
		}
		return err
	}
}

// TestGraphHeals sets an option of a volume that containers use. After the timeout of the directory entries, the kernel drops
// mounts inside the volume, and marks the directories of subPaths as deleted. This must last only for a moment.
func TestGraphHeals(t *testing.T) {
	for name, test := range map[string]struct {
		flags []string
		after time.Duration
	}{
		"entries of a second": {nil, 3 * time.Second},
		"entries of seven":    {[]string{"entry-timeout=7"}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			n := r.nodes[0]
			v := r.create(createRequest(single()))
			staging := r.stage(n, v, test.flags...)
			target := r.publish(n, v, staging, false)
			u := r.users(n, staging, target)
			u.check("before", 1)
			time.Sleep(noticeTime)
			for round, value := range []string{"on", "off"} {
				r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", value)
				time.Sleep(test.after)
				u.check(fmt.Sprintf("graph-%d", round), 1)
				for _, m := range u.subPaths.mounts("/mnt/dir") {
					if m.Root != "/sub" {
						t.Errorf("the container's subPath shows %s", m.Root)
					}
				}
			}
			if now := r.list(n, filepath.Join(target, "scratch")); len(now) > 0 {
				t.Errorf("written into the volume beneath the emptyDir: %v", now)
			}
			again := r.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/deep")
			r.eventually(healLimit, "a container with the directory in a directory can be started", func() error {
				_, err := again.try("mount --bind " + u.binds[2] + " /mnt/deep && cat /mnt/deep/file")
				return err
			})
		})
	}
}

// TestWrittenBeneath writes through the gap that a graph change leaves while no node plugin runs: the next plugin names the file.
func TestWrittenBeneath(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	r.ok(os.MkdirAll(r.inside(n, target, "scratch"), 0o755), "make a directory in the volume")
	r.write(n, "old", target, "scratch", "before-the-gap")
	u := r.users(n, staging, target)
	u.check("before", 1)
	time.Sleep(noticeTime)
	r.end(n.plugin, n.plugin.Kill)
	r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", "on")
	r.eventually(repairLimit, "the gap", func() error {
		if said, err := u.private.try("cat /mnt/data/scratch/former"); err == nil {
			return fmt.Errorf("the emptyDir is there: %s", said)
		}
		return nil
	})
	u.private.run("echo lost > /mnt/data/scratch/in-the-gap")
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	u.check("after", 1)
	r.eventually(healLimit, "the file is named", func() error {
		log, err := os.ReadFile(n.plugin.Log())
		if err == nil && !strings.Contains(string(log), "in-the-gap") {
			err = errors.New("the log does not have it")
		}
		return err
	})
	if said := r.logAbout(n, "in-the-gap"); !strings.Contains(said, "files may have been written") || strings.Contains(said, "before-the-gap") {
		t.Errorf("the log has %s", said)
	}
}

// TestHungClientIsReplaced stops a client while an application waits for it.
func TestHungClientIsReplaced(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	r.Cleanup(func() { r.ok(n.plugin.Restart(r.call()), "restart the node plugin") })
	r.ok(n.plugin.Stop(r.call()), "stop the node plugin")
	r.ok(n.plugin.WithArgs("--hung-client-limit=10s").Start(r.call()), "start the node plugin")
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	c := r.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/data", "mount --bind "+target+" /mnt/data")
	time.Sleep(noticeTime)
	former := r.onlyClient(n, nameOf(v)).PID
	r.signal(n, nameOf(v), "STOP")
	if said, err := c.try("ls /mnt/data/none"); err == nil {
		t.Errorf("a call that was waiting: %s", said)
	}
	replaced := r.replaced(n, v, former)
	r.eventually(healLimit, "another client", func() error {
		if err := replaced(); err != nil {
			return err
		}
		_, err := c.try("echo written > /mnt/data/file")
		return err
	})
	r.read(n, "written\n", target, "file")

	// Idle pods send the client no request. The publish for a new pod does, once.
	former = r.onlyClient(n, nameOf(v)).PID
	time.Sleep(noticeTime) // a client that has just started is not queried
	r.signal(n, nameOf(v), "STOP")
	if _, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, r.target(n, v))); err == nil {
		t.Error("a volume whose client hangs was published")
	}
	r.eventually(healLimit, "another client", r.replaced(n, v, former))
	target = r.target(n, v)
	err := again(func() error { // the repair may not have ended
		_, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, target))
		return err
	})
	r.ok(err, "NodePublishVolume with the next client")
}
