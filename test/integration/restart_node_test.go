package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// TestNodePluginEndsBetweenStageAndPublish publishes with another process than the one that staged.
func TestNodePluginEndsBetweenStageAndPublish(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	before := r.onlyClient(n, nameOf(v))
	r.end(n.plugin, n.plugin.Kill)
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	target := r.publish(n, v, staging, false)
	if after := r.onlyClient(n, nameOf(v)); after.PID != before.PID {
		r.Errorf("the client was %v and is %v", before, after)
	}
	r.write(n, "data", target, "file")
	r.read(n, "data", staging, "file")
}

// TestLostRecords removes a node plugin's records while none runs. The next plugin still finds the volumes and their clients.
func TestLostRecords(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	whole := r.create(createRequest(single()))
	root := r.publish(n, whole, r.stage(n, whole), false)
	r.ok(os.MkdirAll(r.inside(n, root, "sub/dir"), 0o755), "make a directory of the volume")
	servers := whole.GetVolumeContext()["servers"]
	for name, v := range map[string]*csi.Volume{
		"whole": static("the-whole", servers, nameOf(whole)), "directory": static("a-directory", servers, nameOf(whole)+"/sub/dir"),
	} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			staging := r.stage(n, v, "log-level=ERROR", "noatime")
			target := r.publish(n, v, staging, false)
			before := r.clients(n, nameOf(whole))
			r.end(n.plugin, n.plugin.Kill)
			records, err := filepath.Glob(filepath.Join(filepath.Dir(n.dir), "state", "volumes", "*"))
			r.ok(err, "list records")
			for _, record := range records {
				r.ok(os.Remove(record), "remove a record")
			}
			r.ok(n.plugin.Start(r.call()), "start the node plugin")
			r.statsAgree(n, v, target)
			second := r.publish(n, v, staging, false)
			r.write(n, "data", second, "file")
			r.read(n, "data", target, "file")
			if after := r.clients(n, nameOf(whole)); len(records) == 0 || fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("%d records, the clients were %v and are %v", len(records), before, after)
			}
		})
	}
}

// TestNodePluginEndsWhilePublished does I/O while no node plugin runs, and cleans up with another process than the one that
// mounted.
func TestNodePluginEndsWhilePublished(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	for name, how := range map[string]func(context.Context) error{"kill -9": n.plugin.Kill, "SIGTERM": n.plugin.Stop} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			staging := r.stage(n, v)
			target := r.publish(n, v, staging, false)
			held, err := os.OpenFile(r.inside(n, target, "held"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
			r.ok(err, "open a file")
			defer func() { _ = held.Close() }()
			r.end(n.plugin, how)
			for _, m := range []string{staging, target} {
				r.glusterMount(n, m)
			}
			_, err = held.WriteString("written with no plugin running")
			r.ok(err, "write to a file that was open before")
			r.ok(held.Close(), "close it")
			r.read(n, "written with no plugin running", staging, "held")
			r.ok(n.plugin.Start(r.call()), "start the node plugin")
			r.read(n, "written with no plugin running", target, "held")
			r.unpublish(n, v, target)
			r.absent(n, target)
			r.unstage(n, v, staging)
			r.notMounted(n, filepath.Dir(n.dir)) // the parent contains the state directory, too
			r.noClient(n, nameOf(v))
			r.noState(n)
		})
	}
}

// noState waits until the node plugin has removed the state of all volumes.
func (r *rig) noState(n *node) {
	r.Helper()
	state := filepath.Join(filepath.Dir(n.dir), "state")
	r.eventually(commandLimit, "the state directory becomes empty", func() error {
		var left []string
		err := filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
			if path == filepath.Join(state, "tree") {
				return fs.SkipDir // the files of future clients
			}
			if path == filepath.Join(state, "placement.json") {
				return nil // the directory in which clients run
			}
			if err == nil && (!entry.IsDir() || filepath.Base(filepath.Dir(path)) == "clients") {
				left = append(left, path)
			}
			return err
		})
		if len(left) > 0 {
			err = errors.Join(err, fmt.Errorf("it has %s", strings.Join(left, ", ")))
		}
		return err
	})
}

// TestNodePluginKilledInStage kills the plugin while it waits for the client's first answer.
func TestNodePluginKilledInStage(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.directory(n)
	r.Cleanup(func() { r.unstage(n, v, staging) })
	wake := r.muteServers() // otherwise the client might be ready before the test sees it
	answer := make(chan error, 1)
	go func() {
		_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging))
		answer <- err
	}()
	r.eventually(commandLimit, "a client starts", func() error {
		if len(r.clients(n, nameOf(v))) == 0 {
			return errors.New("no client yet")
		}
		return nil
	})
	r.end(n.plugin, n.plugin.Kill)
	r.refused(<-answer, codes.Unavailable)
	wake()
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging))
	r.ok(err, "NodeStageVolume again")
	target := r.publish(n, v, staging, false)
	r.onlyClient(n, nameOf(v))
	r.write(n, "data", target, "file")
	r.unpublish(n, v, target)
	r.unstage(n, v, staging)
	r.notMounted(n, filepath.Dir(n.dir))
	r.noClient(n, nameOf(v))
	r.noState(n)
}

// TestNodeSwitchedOff loses the node's processes and mounts, but not the plugin's records.
func TestNodeSwitchedOff(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	r.write(n, "data", target, "file")
	r.end(n.plugin, n.PowerCut)
	r.Cleanup(func() { r.ok(n.Start(r.call()), "power on") })
	r.ok(n.Start(r.call()), "power on")
	r.notMounted(n, filepath.Dir(n.dir))
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	err := again(func() error { // the node plugin may be mounting the volume
		_, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, target)) // the kubelet may still have it as staged
		return err
	})
	r.ok(err, "NodePublishVolume after the node was switched off")
	r.glusterMount(n, staging)
	r.read(n, "data", target, "file")
	r.onlyClient(n, nameOf(v))
	r.unpublish(n, v, target)
	r.unstage(n, v, staging)
	r.noClient(n, nameOf(v))
	r.noState(n)
}
