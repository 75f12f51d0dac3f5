package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

type answer struct {
	volume *csi.Volume
	err    error
}

// creating starts a create and returns when Heketi works on it.
func (r *rig) creating(request *csi.CreateVolumeRequest) <-chan answer {
	r.Helper()
	answers := make(chan answer, 1)
	ctx := r.call()
	go func() {
		made, err := r.controller.CreateVolume(ctx, request)
		answers <- answer{made.GetVolume(), err}
	}()
	r.pending(request.GetName())
	return answers
}

// pending waits until Heketi works on the volume of a CSI name.
func (r *rig) pending(csiName string) {
	r.Helper()
	r.eventually(commandLimit, "Heketi begins", func() error {
		for _, v := range r.heketiVolumes() {
			if strings.Contains(v.Name, csiName) && v.Pending != "" {
				return nil
			}
		}
		return errors.New("nothing pending yet")
	})
}

// repeat repeats a create as an orchestrator does, until it succeeds. It repeats only after errors that ask for it.
func (r *rig) repeat(request *csi.CreateVolumeRequest) *csi.Volume {
	r.Helper()
	r.eventually(callLimit, "CreateVolume succeeds", func() error {
		_, err := r.controller.CreateVolume(r.call(), request)
		if code := status.Code(err); err != nil && code != codes.Aborted && code != codes.Unavailable {
			r.Fatalf("CreateVolume is not to be repeated after %v", err)
		}
		return err
	})
	return r.create(request)
}

// TestControllerKilledInCreate repeats the call after a restart: there must be one volume, not two.
func TestControllerKilledInCreate(t *testing.T) {
	r := newRig(t)
	for name, wait := range map[string]func(*rig, *csi.CreateVolumeRequest){
		"while Heketi is at work": func(*rig, *csi.CreateVolumeRequest) {},
		"when Heketi is done, so that its answer is lost": func(r *rig, request *csi.CreateVolumeRequest) {
			pid, err := r.lab.Controller().Pid(r.call())
			r.ok(err, "pid of the controller")
			r.ok(syscall.Kill(pid, syscall.SIGSTOP), "stop the controller")
			r.eventually(commandLimit, "Heketi is done", func() error {
				for _, v := range r.heketiVolumes() {
					if strings.Contains(v.Name, request.GetName()) && v.Pending == "" {
						return nil
					}
				}
				return errors.New("still pending")
			})
		},
	} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			request := createRequest(replica3())
			answers := r.creating(request)
			wait(r, request)
			r.end(r.lab.Controller(), r.lab.Controller().Kill)
			r.refused((<-answers).err, codes.Unavailable)
			r.ok(r.lab.Controller().Start(r.call()), "start the controller")
			r.isTheOnlyOne(request, r.repeat(request))
		})
	}
}

// isTheOnlyOne checks that one CSI name has led to one volume, in Heketi and in gluster.
func (r *rig) isTheOnlyOne(request *csi.CreateVolumeRequest, v *csi.Volume) {
	r.Helper()
	r.isInHeketi(v, 1, "replicate:3")
	var inHeketi, inGluster []string
	for _, found := range r.heketiVolumes() {
		if strings.Contains(found.Name, request.GetName()) {
			inHeketi = append(inHeketi, found.ID)
		}
	}
	for _, found := range r.glusterVolumes() {
		if strings.Contains(found.Name, request.GetName()) {
			inGluster = append(inGluster, found.Name)
		}
	}
	if len(inHeketi) != 1 || len(inGluster) != 1 || inGluster[0] != nameOf(v) {
		r.Errorf("for one name there are the volumes %v in Heketi and %v in gluster, want only %s", inHeketi, inGluster, nameOf(v))
	}
}

// TestSIGTERM stops each of the driver's processes: the exit status is 0 (which Stop checks), and no socket is left.
func TestSIGTERM(t *testing.T) {
	r := newRig(t)
	for name, process := range map[string]*lab.DriverProcess{"controller": r.lab.Controller(), "node": r.nodes[1].plugin} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			r.end(process, process.Stop)
			socket := strings.TrimPrefix(process.Endpoint, "unix://")
			if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
				r.Errorf("%s is still there after SIGTERM: %v", socket, err)
			}
		})
	}
}

// TestSIGTERMInCreate: a running call is completed.
func TestSIGTERMInCreate(t *testing.T) {
	r := newRig(t)
	request := createRequest(replica3())
	answers := r.creating(request)
	r.end(r.lab.Controller(), r.lab.Controller().Stop)
	a := <-answers
	r.ok(r.lab.Controller().Start(r.call()), "start the controller")
	r.ok(a.err, "CreateVolume that was running at SIGTERM")
	if v := r.create(request); v.GetVolumeId() != a.volume.GetVolumeId() {
		r.Error(fmt.Errorf("the call that was running made %s, and the next one %s", a.volume.GetVolumeId(), v.GetVolumeId()))
	}
}
