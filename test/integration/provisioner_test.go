// Package integration_test tests the driver with a real Heketi that has a mock executor (lab.MockHeketi): behaviour for which a
// fake Heketi would prove nothing. Its tests use no machine of the lab.
package integration_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

func TestEveryParameterAndExpand(t *testing.T) {
	mock := labtest.MockHeketi(t)
	p := labtest.Provisioner(t, mock.URL)
	parameters, err := volume.ParseParameters(map[string]string{
		"gidmin": "40000", "gidmax": "50000", "volumenameprefix": "dept", "snapfactor": "1.3", "arbiter": "true", "averagefilesize": "256",
		"volumeoptions": "client.ssl on, diagnostics.brick-log-level DEBUG, user.note a-b", "zonechecking": "none", "volumetype": "replicate:3",
		"csi.storage.k8s.io/pvc/name": "data", "csi.storage.k8s.io/pvc/namespace": "web", "secretname": "s", "secretnamespace": "default",
	})
	if err != nil {
		t.Fatal(err)
	}
	spec := volume.Spec{Name: "pvc-1", Capacity: volume.Capacity{RequiredBytes: 2 * volume.GiB}, Parameters: parameters}
	v, err := p.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []*provisioner.Provisioner{p, labtest.Provisioner(t, mock.URL)} {
		if found, err := again.Create(t.Context(), spec); err != nil || found.Handle != v.Handle {
			t.Errorf("repeated: %v, %v; want %v", found.Handle, err, v.Handle)
		}
	}
	out := labtest.CLI(t, mock, "volume", "info", v.Handle.ID, "--json")
	var info struct {
		Name     string   `json:"name"`
		GID      int64    `json:"gid"`
		Options  []string `json:"glustervolumeoptions"`
		Snapshot struct {
			Factor float64 `json:"factor"`
		} `json:"snapshot"`
	}
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(info.Name, "dept_csi-web_data-") || info.GID != 40000 || info.Snapshot.Factor != 1.3 || !slices.Contains(info.Options, "client.ssl on") {
		t.Errorf("Heketi has %+v", info)
	}
	for _, gib := range []int64{3, 3, 7} {
		size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: gib * volume.GiB}, volume.Credentials{})
		if err != nil || size != gib*volume.GiB {
			t.Errorf("expand to %d GiB: %d, %v", gib, size, err)
		}
	}
	if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
		t.Error(err)
	}
}

func TestLimitsOfExpand(t *testing.T) {
	mock := labtest.MockHeketi(t)
	p := labtest.Provisioner(t, mock.URL)
	parameters, err := volume.ParseParameters(map[string]string{"volumetype": "disperse:2:1"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Create(t.Context(), volume.Spec{Name: "pvc-1", Capacity: volume.Capacity{RequiredBytes: 2 * volume.GiB}, Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	for gib := int64(3); gib <= 19; gib += 2 { // each is one GiB more than the present size, and becomes two more
		size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: gib * volume.GiB}, volume.Credentials{})
		if err != nil || size != (gib+1)*volume.GiB {
			t.Errorf("expand to %d GiB: %d, %v", gib, size, err)
		}
	}
	_, err = p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 21 * volume.GiB}, volume.Credentials{})
	if err == nil || !strings.Contains(err.Error(), "cannot grow any more") {
		t.Errorf("the 31st brick: %v", err)
	}
	// The driver must not touch an administrator's volume until the administrator hands it over.
	out, err := mock.CLI(t.Context(), "volume", "create", "--size=1", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	handle := volume.Handle{Backend: "mock", ID: made.ID}
	if _, err := p.Expand(t.Context(), handle, volume.Capacity{RequiredBytes: 2 * volume.GiB}, volume.Credentials{}); err == nil {
		t.Error("a foreign volume was expanded")
	}
	handle.Adopted = true
	if size, err := p.Expand(t.Context(), handle, volume.Capacity{RequiredBytes: 2 * volume.GiB}, volume.Credentials{}); err != nil || size != 2*volume.GiB {
		t.Errorf("adopted: %d, %v", size, err)
	}
	if err := p.Delete(t.Context(), handle, volume.Credentials{}); err != nil {
		t.Error(err)
	}
}

func TestGroupIDsOfTwoStarts(t *testing.T) {
	mock := labtest.MockHeketi(t)
	seen := map[int64]string{}
	for start := range 2 {
		p := labtest.Provisioner(t, mock.URL)
		volumes := make([]volume.Volume, 20)
		var group errgroup.Group
		for i := range volumes {
			group.Go(func() (err error) {
				parameters, err := volume.ParseParameters(map[string]string{"gidmin": strconv.Itoa(2000 + i%3)})
				if err != nil {
					return err
				}
				volumes[i], err = p.Create(t.Context(), volume.Spec{Name: fmt.Sprintf("pvc-%d-%d", start, i), Parameters: parameters})
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		for _, v := range volumes {
			if other, taken := seen[v.GID]; taken {
				t.Errorf("%s and %s have the group id %d", v.Name, other, v.GID)
			}
			seen[v.GID] = v.Name
		}
	}
}
