package driver

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// theTutorials returns the class from Kubernetes's own examples for kubernetes.io/glusterfs.
func theTutorials() map[string]string {
	return map[string]string{"resturl": "http://127.0.0.1:8081", "restuser": "joe", "restuserkey": "My Secret Life"}
}

func withParameters(name string, parameters map[string]string) *csi.CreateVolumeRequest {
	return createRequest(func(r *csi.CreateVolumeRequest) { r.Name, r.Parameters = name, parameters })
}

// TestClassLoginsAreReportedOnce: the report is logged once per class, and names the keys to remove but none of the values.
func TestClassLoginsAreReportedOnce(t *testing.T) {
	var out bytes.Buffer
	ctx := klog.NewContext(t.Context(), textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&out))))
	server := &controllerServer{provisioner: &fakeProvisioner{}}
	create := func(name string, parameters map[string]string) {
		t.Helper()
		if _, err := server.CreateVolume(ctx, withParameters(name, parameters)); err != nil {
			t.Fatal(err)
		}
	}
	of := func(claim string) map[string]string {
		p := maps.Clone(theTutorials())
		p["csi.storage.k8s.io/pvc/name"], p["csi.storage.k8s.io/pvc/namespace"] = claim, "default"
		return p
	}
	create("pvc-1", of("a"))
	create("pvc-2", of("b"))
	create("pvc-3", map[string]string{"volumetype": "none", "restauthenabled": "false"})
	if log := out.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, `parameters="restuser, restuserkey"`) || !strings.Contains(log, "pvc-1") {
		t.Errorf("logged:\n%s", log)
	}
	other := theTutorials()
	other["volumetype"] = "none"
	create("pvc-4", other)
	if log := out.String(); strings.Count(log, "\n") != 2 || strings.Contains(log, "Secret Life") || strings.Contains(log, "joe") {
		t.Errorf("logged:\n%s", log)
	}
}

// TestClassLoginsAreBounded: the memory for reported classes does not grow with their number.
func TestClassLoginsAreBounded(t *testing.T) {
	var logins classLogins
	for i := range 3 * mostReported {
		if !logins.first(map[string]string{"restuser": strconv.Itoa(i)}) {
			t.Fatalf("class %d is taken for an earlier one", i)
		}
		if len(logins.reported) > mostReported {
			t.Fatalf("%d classes are kept", len(logins.reported))
		}
	}
}

// TestRefusedLogin: the class's ignored credentials are mentioned only if Heketi refused the login.
func TestRefusedLogin(t *testing.T) {
	const hint = "ignores restuser, restuserkey of the StorageClass"
	for _, tt := range []struct {
		err        error
		parameters map[string]string
		code       codes.Code
		hinted     bool
	}{
		{errors.Join(volume.ErrUnavailable, volume.ErrLogin), theTutorials(), codes.Unavailable, true},
		{errors.Join(volume.ErrUnavailable, volume.ErrLogin), nil, codes.Unavailable, false},
		{volume.ErrUnavailable, theTutorials(), codes.Unavailable, false},
	} {
		server := &controllerServer{provisioner: &fakeProvisioner{err: fmt.Errorf("%w: heketi", tt.err)}}
		_, err := server.CreateVolume(t.Context(), withParameters("pvc-1", tt.parameters))
		wantError(t, err, tt.code, "heketi")
		if strings.Contains(err.Error(), hint) != tt.hinted || strings.Contains(err.Error(), "Secret Life") {
			t.Errorf("%v: %v; hinted at the class: %t", tt.err, err, tt.hinted)
		}
	}
}
