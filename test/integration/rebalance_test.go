package integration

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// rebalancing gives Heketi its default setting until the test ends: it starts a rebalance after each expand.
func (r *rig) rebalancing() {
	r.Helper()
	heketi := r.lab.Heketi()
	r.Cleanup(func() { r.ok(heketi.Restart(r.call()), "restart Heketi as it was") })
	r.ok(heketi.Stop(r.call()), "stop Heketi")
	r.ok(heketi.WithEnv(lab.Rebalancing).Start(r.call()), "start Heketi")
}

// rebalance returns gluster's status of a volume's rebalance: "in progress", "completed"; "" if there was none.
func (r *rig) rebalance(volume string) (status string, moved int, err error) {
	r.Helper()
	out, err := r.command(r.lab.Storage(2), "gluster", "--mode=script", "volume", "rebalance", volume, "status", "--xml")
	if strings.Contains(out, "Rebalance not started") { // gluster reports this as an error
		return "", 0, nil
	}
	var answer struct {
		Status string `xml:"volRebalance>aggregate>statusStr"`
		Files  int    `xml:"volRebalance>aggregate>files"`
	}
	err = errors.Join(err, xml.Unmarshal([]byte(out), &answer))
	return answer.Status, answer.Files, err
}

// rebalanceIs waits until a volume's rebalance has a status, and returns how many files were moved.
func (r *rig) rebalanceIs(volume, want string) (moved int) {
	r.Helper()
	r.eventually(callLimit, fmt.Sprintf("the rebalance is %q", want), func() error {
		// The query sometimes fails for all nodes if one node has just finished its part.
		status, files, err := r.rebalance(volume)
		if moved = files; err == nil && status != want {
			err = fmt.Errorf("it is %q", status)
		}
		return err
	})
	return moved
}

// noRebalanceProcess waits until gluster's rebalance processes have ended on all storage machines.
func (r *rig) noRebalanceProcess() {
	r.Helper()
	r.eventually(commandLimit, "the rebalance processes end", func() error {
		for i := 1; i <= lab.StorageNodes; i++ {
			out, err := r.command(r.lab.Storage(i), "ps", "-ww", "-eo", "args=")
			r.ok(err, "ps")
			if strings.Contains(out, "--process-name rebalance") {
				return fmt.Errorf("one runs on storage%d", i)
			}
		}
		return nil
	})
}

// TestExpandWhileRebalancing: Heketi moves files to the new bricks after each expand. Meanwhile the volume is used, expanded
// again, and deleted, and another volume is created.
func TestExpandWhileRebalancing(t *testing.T) {
	r := newRig(t)
	r.rebalancing()
	n := r.nodes[0]
	class := replica3()
	// With the option on, which is gluster's default, a client sometimes does not find an existing file while its directory is
	// rebalanced.
	class["volumeoptions"] = "cluster.lookup-optimize off"
	v := r.create(createRequest(class))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	app := r.startApp(n, target)

	r.ok(r.expand(v, 2), "ControllerExpandVolume")
	other := make(chan error, 1)
	request := createRequest(single())
	go func() {
		made, err := r.controller.CreateVolume(r.call(), request)
		if err == nil {
			_, err = r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: made.GetVolume().GetVolumeId()})
		}
		other <- err
	}()
	err := r.expand(v, 3)
	r.refused(err, codes.Aborted, "rebalance is in progress", "when it has finished, this expand succeeds", nameOf(v), "keeps its size of 2 GiB")
	r.ok(<-other, "another volume is made and deleted meanwhile")
	r.isInHeketi(v, 2, "replicate:3")
	if seen := r.mustGlusterVolume(nameOf(v)); len(seen.Bricks) != 6 {
		r.Errorf("gluster has %+v, want 6 bricks", seen)
	}
	r.noOperation()
	r.bricksAgree()

	r.rebalanceIs(nameOf(v), "completed") // each earlier attempt would cost Heketi a set of bricks
	r.expands(v, 3)
	r.rebalanceIs(nameOf(v), "in progress")
	app.stop()
	seen := r.mustGlusterVolume(nameOf(v))
	bricks := r.brickPaths(seen)
	r.unpublish(n, v, target)
	r.unstage(n, v, staging)
	r.delete(v.GetVolumeId()) // during the rebalance
	r.nowhere(seen, bricks)
	r.noRebalanceProcess()
	r.bricksAgree()
}

// largeFiles of 10 MiB fill a fifth of the brick's 960 MiB, of which its file system uses about 50.
const largeFiles = 16

// TestRebalanceThatDoesNotStart: Heketi reports success nevertheless. The volume has its new size, but a file on a full brick
// cannot grow until the administrator starts the rebalance.
func TestRebalanceThatDoesNotStart(t *testing.T) {
	r := newRig(t)
	r.rebalancing()
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	// For gluster, a brick is full if less than storage.reserve is free. A rebalance moves nothing to a brick with less than
	// cluster.min-free-disk of free space. With the defaults, 1 % and 10 %, this test would take a gigabyte.
	r.gluster(2, "volume", "set", nameOf(v), "storage.reserve", "80", "cluster.min-free-disk", "1%")
	target := r.publish(n, v, r.stage(n, v), false)
	for i := range largeFiles {
		r.ok(fillFile(r.inside(n, target, fmt.Sprintf("large-%d", i)), 10<<20), "fill the brick")
	}
	// One file only: XFS reserves space behind each file that grows.
	grow := func() error { return add(r.inside(n, target, "large-1"), "a little more") }
	full := func() error {
		if err := grow(); !errors.Is(err, syscall.ENOSPC) {
			return errors.Join(errors.New("want ENOSPC"), err)
		}
		return nil
	}
	r.eventually(commandLimit, "the brick is full", full)

	gate, err := r.lab.Hold("gluster", "volume rebalance", lab.Before)
	r.ok(err, "hold Heketi")
	r.Cleanup(func() { r.ok(gate.Open(), "release Heketi's calls") })
	answer := make(chan error, 1)
	go func() { answer <- r.expand(v, 2) }()
	r.ok(gate.Wait(r.ctx(commandLimit), 1), "Heketi starts the rebalance")
	r.ok(gate.Open(), "fail it")
	r.ok(<-answer, "ControllerExpandVolume")
	r.isInHeketi(v, 2, "none")
	r.rebalanceIs(nameOf(v), "")
	r.eventually(commandLimit, "the mount has room", func() error {
		if size := r.statfs(n, target); size < 3*gib/2 {
			return fmt.Errorf("statfs says %d bytes", size)
		}
		return nil
	})
	r.ok(full(), "a file on the full brick")
	r.write(n, "new", target, "new") // goes to a brick with free space

	r.gluster(2, "volume", "rebalance", nameOf(v), "start") // as docs/kubernetes.md says
	if moved := r.rebalanceIs(nameOf(v), "completed"); moved == 0 {
		r.Error("no file was moved")
	}
	r.eventually(commandLimit, "files can grow", grow)
	r.noRebalanceProcess()
}

// fillFile writes a file of the given size.
func fillFile(path string, size int) error { return os.WriteFile(path, make([]byte, size), 0o600) }

// add appends to a file.
func add(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
