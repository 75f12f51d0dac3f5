package provisioner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

var everyKind = []error{
	volume.ErrInvalid, volume.ErrOutOfRange, volume.ErrNotFound, volume.ErrIncompatible, volume.ErrExhausted,
	volume.ErrBusy, volume.ErrPrecondition, volume.ErrUnavailable, volume.ErrFailed, volume.ErrUnauthenticated,
}

// wantError checks that err wraps kind and no other error of package volume.
func wantError(t *testing.T, err, kind error) {
	t.Helper()
	for _, k := range everyKind {
		if got, want := errors.Is(err, k), errors.Is(kind, k); got != want {
			t.Errorf("error %v: is %q: %t, want %t", err, k, got, want)
		}
	}
}

func timing() heketi.Timing {
	return heketi.Timing{
		PollMin: time.Millisecond, PollMax: 5 * time.Millisecond,
		Exchange: 30 * time.Second, Examine: 30 * time.Second, Outage: time.Second, Throttle: 30 * time.Second,
		Again: time.Millisecond, Late: 30 * time.Second,
	}
}

type fixture struct {
	server      *heketitest.Server
	provisioner *provisioner.Provisioner
	keyFile     string
}

// start makes a server and a provisioner for it. At the end it checks that no operation is running and that each result in
// Heketi's queue was fetched.
func start(t *testing.T, clusters ...heketitest.Cluster) *fixture {
	t.Helper()
	if len(clusters) == 0 {
		clusters = []heketitest.Cluster{heketitest.NewCluster()}
	}
	f := &fixture{server: heketitest.New(t, clusters...), keyFile: filepath.Join(t.TempDir(), "key")}
	f.writeKey(t, heketitest.DefaultKey+"\n")
	f.provisioner = f.another(t, 8, timing())
	return f
}

func (f *fixture) writeKey(t *testing.T, key string) {
	t.Helper()
	if err := os.WriteFile(f.keyFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
}

// another returns a provisioner that shares only the server with the first, like the driver after a restart.
func (f *fixture) another(t *testing.T, maxInFlight int, timing heketi.Timing, settings ...provisioner.Setting) *provisioner.Provisioner {
	t.Helper()
	config := heketi.BackendConfig{Name: "main", URL: f.server.URL, KeyFile: f.keyFile, MaxInFlight: maxInFlight}
	return f.configured(t, config, timing, settings...)
}

func (f *fixture) configured(t *testing.T, config heketi.BackendConfig, timing heketi.Timing, settings ...provisioner.Setting) *provisioner.Provisioner {
	t.Helper()
	return f.over(t, []heketi.BackendConfig{config}, timing, settings...)
}

// over returns a provisioner with several backends.
func (f *fixture) over(t *testing.T, configs []heketi.BackendConfig, timing heketi.Timing, settings ...provisioner.Setting) *provisioner.Provisioner {
	t.Helper()
	backends, err := heketi.NewBackends(heketi.Config{Backends: configs}, timing)
	if err != nil {
		t.Fatal(err)
	}
	p := provisioner.New(backends, settings...)
	t.Cleanup(func() {
		f.server.Release()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("an operation did not end: %v", err)
		}
		backends.Close()
	})
	return p
}

func spec(name string) volume.Spec {
	return volume.Spec{
		Name:     name,
		Capacity: volume.Capacity{RequiredBytes: 2 * volume.GiB},
		Parameters: volume.Parameters{
			Durability: volume.DefaultDurability(), GIDs: volume.DefaultGIDRange(), SnapFactor: 1,
		},
	}
}

// parse reads the parameters of a StorageClass.
func parse(t *testing.T, class map[string]string) volume.Parameters {
	t.Helper()
	parameters, err := volume.ParseParameters(class)
	if err != nil {
		t.Fatal(err)
	}
	return parameters
}

// glusterName returns the name of the volume that spec("pvc-1") asks for.
func glusterName() string { return volume.GlusterName("pvc-1", volume.Naming{}) }

func (f *fixture) create(t *testing.T, s volume.Spec) volume.Volume {
	t.Helper()
	v, err := f.provisioner.Create(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (f *fixture) wantVolumes(t *testing.T, n int) {
	t.Helper()
	if names := f.server.VolumeNames(); len(names) != n {
		t.Errorf("Heketi has volumes %v, want %d of them", names, n)
	}
}

// pass lets n requests through, or all of them if n is 0, so that a fault that is injected later affects only the requests after
// these.
func (f *fixture) pass(prefix string, n int) {
	through := make(chan struct{})
	close(through)
	f.server.Inject(heketitest.Fault{Prefix: prefix, Times: n, Late: through})
}

// wantNoNotes checks that the journal in dir has no note of a request.
func wantNoNotes(t *testing.T, dir string) {
	t.Helper()
	if notes, err := filepath.Glob(filepath.Join(dir, "*.json")); err != nil || len(notes) > 0 {
		t.Errorf("notes %q, %v; want none", notes, err)
	}
}

// eventually waits until the condition is true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("did not happen: %s", what)
		}
	}
}

type createResult struct {
	volume volume.Volume
	err    error
}

// background starts a create and returns a channel for its result.
func background(ctx context.Context, p *provisioner.Provisioner, s volume.Spec) <-chan createResult {
	results := make(chan createResult, 1)
	go func() {
		v, err := p.Create(ctx, s)
		results <- createResult{v, err}
	}()
	return results
}
