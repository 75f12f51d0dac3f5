package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// killLimit is how long the threads of a killed node plugin may take to end. Its container ends only after them.
const killLimit = 2 * time.Second

// TestNodePluginKilledWhileAClientIsAsked: a FUSE request that a client has read cannot be interrupted, so a process that waits
// for the answer cannot be killed. That process must never be the node plugin.
func TestNodePluginKilledWhileAClientIsAsked(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	brick := r.mustGlusterVolume(nameOf(v)).Bricks[0]
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	storage, pid := r.storageOf(brick), r.brickPID(nameOf(v), brick)
	signalBrick := func(r *rig, signal string) {
		r.Helper()
		_, err := r.command(storage, "kill", "-s", signal, pid)
		r.ok(err, "signal a brick")
	}
	for name, hang := range map[string]bool{"silent bricks": false, "silent bricks, then a client that hangs": true} {
		for range 5 {
			ok := r.Run(name, func(t *testing.T) {
				r := r.on(t)
				r.Cleanup(func() { signalBrick(r, "CONT") })
				signalBrick(r, "STOP")
				answer := make(chan error, 1)
				go func() {
					_, err := n.NodeGetVolumeStats(r.call(), &csi.NodeGetVolumeStatsRequest{VolumeId: v.GetVolumeId(), VolumePath: target})
					answer <- err
				}()
				r.eventually(commandLimit, "a process waits for the client", func() error {
					for _, p := range r.askers(n) {
						if strings.Contains(p.waits, "request") { // request_wait_answer of the kernel's FUSE
							return nil
						}
					}
					return fmt.Errorf("there are %v", r.askers(n))
				})
				if hang {
					r.Cleanup(func() { r.signal(n, nameOf(v), "CONT") })
					r.signal(n, nameOf(v), "STOP")
				}
				r.killAtOnce(n)
				if err := <-answer; err == nil {
					r.Error("the statistics of silent bricks")
				}
				if len(r.askers(n)) == 0 {
					r.Error("no process waits for the client any more: this test shows nothing")
				}
				signalBrick(r, "CONT")
				if hang {
					r.signal(n, nameOf(v), "CONT")
				}
				r.eventually(commandLimit, "the process that waits for the client ends", func() error {
					if left := r.askers(n); len(left) > 0 {
						return fmt.Errorf("there are %v", left)
					}
					return nil
				})
				r.ok(n.plugin.Start(r.call()), "start the node plugin")
				r.write(n, "data", target, "file")
			})
			if !ok {
				return
			}
		}
	}
}

// killAtOnce kills the node plugin and checks that all its threads end in time.
func (r *rig) killAtOnce(n *node) {
	r.Helper()
	pid, err := n.plugin.Pid(r.call())
	r.ok(err, "pid of the node plugin")
	pidfd, err := unix.PidfdOpen(pid, 0)
	r.ok(err, "pidfd_open")
	defer unix.Close(pidfd)
	r.ok(unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0), "kill the node plugin")
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	err = mount.Uninterrupted(func() error { _, err := unix.Poll(fds, int(killLimit.Milliseconds())); return err })
	if err != nil || fds[0].Revents == 0 {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		r.Errorf("%s after SIGKILL the node plugin is still there, with %d threads (%v)", killLimit, len(tasks), err)
	}
	r.end(n.plugin, n.plugin.Kill)
}

// asker is a thread of a helper process that queries FUSE clients for the node plugin.
type asker struct{ pid, waits string }

func (r *rig) askers(n *node) []asker {
	r.Helper()
	out, err := r.command(n.Machine, "ps", "-ww", "-eLo", "pid=,wchan:40=,comm=,args=")
	r.ok(err, "ps on "+n.Name)
	var found []asker
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 3 && strings.Contains(line, fusequery.Argument) { // a zombie has no arguments, only its name
			found = append(found, asker{fields[0], fields[1]})
		}
	}
	return found
}
