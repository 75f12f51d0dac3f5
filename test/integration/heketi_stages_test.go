package integration

import (
	"errors"
	"strings"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// stage is a point in Heketi's work. It is reached when the given calls of a program on the storage machines are held. The other
// fields describe the state at that point, which the test checks.
type stage struct {
	name    string
	program string
	pattern string
	when    lab.When
	calls   int // number of calls that are held

	bricks  int    // number of logical volumes added since before the call
	status  string // of the gluster volume; "" if there is none
	members int    // number of bricks in gluster

	// answerLost lets Heketi finish, so that its records are complete but the caller has no answer.
	answerLost bool
}

// killedAt makes a call and kills Heketi at that stage of its work on the volume of a CSI name. The answer may come before or
// after Heketi's restart.
func (r *rig) killedAt(s stage, csiName string, call func() error) error {
	r.Helper()
	before := len(r.logicalVolumes())
	gate, err := r.lab.Hold(s.program, s.pattern, s.when)
	r.ok(err, "hold Heketi")
	r.Cleanup(func() { r.ok(gate.Open(), "release Heketi's calls") })
	answers := make(chan error, 1)
	go func() { answers <- call() }()
	r.ok(gate.Wait(r.ctx(commandLimit), s.calls), "Heketi reaches the stage")
	if r.anOperation() == "" {
		r.Errorf("at this stage Heketi has no unfinished operation on %s", csiName)
	}
	r.looksLike(s, csiName, len(r.logicalVolumes())-before)
	thaw := func() {}
	if s.answerLost {
		thaw = r.freezeController()
		r.ok(gate.Open(), "let Heketi finish")
		r.eventually(commandLimit, "Heketi is done", func() error {
			if id := r.anOperation(); id != "" {
				return errors.New("still at work on operation " + id)
			}
			return nil
		})
	}
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	r.ok(gate.Open(), "release Heketi's calls")
	r.ok(r.lab.Heketi().Start(r.call()), "start Heketi")
	thaw()
	return <-answers
}

// looksLike checks that the disks and gluster are in the state of the stage.
func (r *rig) looksLike(s stage, csiName string, bricks int) {
	r.Helper()
	var seen outside.GlusterVolume
	for _, v := range r.glusterVolumes() {
		if strings.Contains(v.Name, csiName) {
			seen = v
		}
	}
	if bricks != s.bricks || seen.Status != s.status || len(seen.Bricks) != s.members {
		r.Errorf("%d more logical volumes, gluster has the volume %q with %d bricks; want %d, %q, %d",
			bricks, seen.Status, len(seen.Bricks), s.bricks, s.status, s.members)
	}
}

// freezeController stops the controller until the returned function is called.
func (r *rig) freezeController() (thaw func()) {
	r.Helper()
	pid, err := r.lab.Controller().Pid(r.call())
	r.ok(err, "pid of the controller")
	thaw = func() { r.ok(syscall.Kill(pid, syscall.SIGCONT), "let the controller go on") }
	r.Cleanup(thaw)
	r.ok(syscall.Kill(pid, syscall.SIGSTOP), "stop the controller")
	return thaw
}
