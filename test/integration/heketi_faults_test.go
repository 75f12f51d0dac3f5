package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestWrongKey uses keys that Heketi refuses, from the request's secrets and from the backend's file, which may change while the
// driver runs.
func TestWrongKey(t *testing.T) {
	r := newRig(t)
	before := r.volumeNames()
	request := createRequest(single())
	wrong := rand.Text()
	request.Secrets = map[string]string{"key": wrong}
	_, err := r.controller.CreateVolume(r.call(), request)
	r.refused(err, codes.Unavailable, `heketi "lab"`, "clocks")
	if after := r.volumeNames(); len(after) != len(before) {
		r.Errorf("Heketi's volumes were %v and are %v", before, after)
	}

	right, restore := r.wrongKey()
	request.Secrets = nil
	_, err = r.controller.CreateVolume(r.call(), request)
	r.refused(err, codes.Unavailable, "clocks")
	request.Secrets = map[string]string{"user": "admin", "key": right}
	v := r.create(request) // the secrets take precedence over the file
	restore()
	request.Secrets = nil
	if again := r.create(request); again.GetVolumeId() != v.GetVolumeId() {
		r.Errorf("with the right key in the file there is %s, before it was %s", again.GetVolumeId(), v.GetVolumeId())
	}
	log, err := os.ReadFile(r.lab.Controller().Log())
	r.ok(err, "read the controller's log")
	for _, secret := range []string{wrong, right} {
		if bytes.Contains(log, []byte(secret)) {
			r.Errorf("%s has the key %q", r.lab.Controller().Log(), secret)
		}
	}
}

// wrongKey writes another key into the backend's file, until the test ends or restore is called.
func (r *rig) wrongKey() (right string, restore func()) {
	r.Helper()
	file := r.lab.Heketi().KeyFile()
	key, err := os.ReadFile(file)
	r.ok(err, "read the key")
	restore = func() { r.ok(os.WriteFile(file, key, 0o600), "write the key") }
	r.Cleanup(restore)
	r.ok(os.WriteFile(file, []byte("an old key\n"), 0o600), "write a wrong key")
	return string(key), restore
}

// TestHeketiDown calls everything in the controller that needs Heketi.
func TestHeketiDown(t *testing.T) {
	r := newRig(t)
	v := r.create(createRequest(single()))
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	says := []string{`heketi "lab"`, r.lab.Heketi().URL, "connection refused", "is Heketi running"}
	_, err := r.controller.CreateVolume(r.call(), createRequest(single()))
	r.refused(err, codes.Unavailable, says...)
	_, err = r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
	r.refused(err, codes.Unavailable, says...)
	_, err = r.controller.ValidateVolumeCapabilities(r.call(), &csi.ValidateVolumeCapabilitiesRequest{
		VolumeId: v.GetVolumeId(), VolumeCapabilities: []*csi.VolumeCapability{sharedByAll()},
	})
	r.refused(err, codes.Unavailable, says...)
	for _, identity := range []csi.IdentityClient{r.identity, r.nodes[0].identity} {
		if _, err := identity.Probe(r.call(), &csi.ProbeRequest{}); err != nil {
			r.Errorf("Probe is about the process and not about Heketi: %v", err)
		}
	}
}

// TestHeketiMute stops Heketi from answering, lets a create give up, and repeats it.
func TestHeketiMute(t *testing.T) {
	r := newRig(t)
	pid, err := r.lab.Heketi().Pid(r.call())
	r.ok(err, "pid of Heketi")
	heketi, err := os.FindProcess(pid)
	r.ok(err, "find Heketi")
	wake := func() { r.ok(heketi.Signal(syscall.SIGCONT), "wake Heketi") }
	r.Cleanup(wake)
	r.ok(heketi.Signal(syscall.SIGSTOP), "stop Heketi")
	request := createRequest(replica3())
	ctx, cancel := context.WithTimeout(r.call(), 2*time.Second)
	defer cancel()
	_, err = r.controller.CreateVolume(ctx, request)
	if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Aborted {
		r.Errorf("CreateVolume with a mute Heketi: %v", err)
	}
	wake()
	r.isTheOnlyOne(request, r.repeat(request))
}

// TestForeignVolume: the driver does not delete a volume in Heketi that it did not make.
func TestForeignVolume(t *testing.T) {
	r := newRig(t)
	out, err := r.lab.Heketi().CLI(r.call(), "--json", "volume", "create", "--size=1", "--durability=none", "--name=precious")
	r.ok(err, "heketi-cli volume create")
	var made struct {
		ID string `json:"id"`
	}
	r.ok(json.Unmarshal(out, &made), "read heketi-cli volume create")
	r.Cleanup(func() {
		_, err := r.lab.Heketi().CLI(r.call(), "volume", "delete", made.ID)
		r.ok(err, "heketi-cli volume delete")
	})
	_, err = r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: "lab/" + made.ID})
	r.refused(err, codes.InvalidArgument, made.ID, "precious", "is not one")
	if found := r.inHeketi("precious"); len(found) != 1 || found[0].Pending != "" {
		r.Errorf("Heketi has %+v", found)
	}
	if seen := r.mustGlusterVolume("precious"); seen.Status != "Started" {
		r.Errorf("gluster has %+v", seen)
	}
}

// TestHeketiLostItsDatabase: a lost database must not look like deleted volumes, because an orchestrator would forget them.
func TestHeketiLostItsDatabase(t *testing.T) {
	r := newRig(t)
	v := r.create(createRequest(single()))
	db, err := r.lab.Heketi().DB(r.call())
	r.ok(err, "find the database")
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	r.ok(os.Rename(db, db+".kept"), "lose the database")
	r.Cleanup(func() {
		r.ok(r.lab.Heketi().Kill(r.call()), "kill -9 of Heketi")
		r.ok(os.Rename(db+".kept", db), "find the database again")
	})
	r.ok(r.lab.Heketi().Start(r.call()), "start Heketi")
	_, err = r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
	r.refused(err, codes.Unavailable, "database is lost")
	_, err = r.controller.CreateVolume(r.call(), createRequest(single()))
	r.refused(err, codes.Unavailable, "database is lost")
	r.mustGlusterVolume(nameOf(v))
}
