package probe

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDescriptors: only a descriptor that cannot be used until Heketi is started again makes the probe fail.
func TestDescriptors(t *testing.T) {
	const replaced, readOnly = "on the mount of a client that was replaced", "only for reading"
	for name, tt := range map[string]struct {
		prepare func(*volume)
		want    string // "": the probe succeeds
	}{
		"no descriptor yet":        {func(*volume) {}, ""},
		"open for writing":         {func(v *volume) { v.open(unix.O_RDWR) }, ""},
		"a copy is sent":           {func(v *volume) { v.open(unix.O_RDONLY); v.open(unix.O_RDWR) }, ""},
		"open for reading":         {func(v *volume) { v.open(unix.O_RDONLY) }, readOnly},
		"read only, and a copy":    {func(v *volume) { v.open(unix.O_RDONLY); v.open(unix.O_RDONLY) }, readOnly},
		"the file is deleted":      {func(v *volume) { v.open(unix.O_RDWR); v.remove() }, ""},
		"the file is replaced":     {func(v *volume) { v.open(unix.O_RDWR); v.remove(); v.create() }, ""},
		"deleted, read only":       {func(v *volume) { v.open(unix.O_RDONLY); v.remove() }, readOnly},
		"the mount is covered":     {func(v *volume) { v.open(unix.O_RDWR); v.mount() }, replaced},
		"the mount is replaced":    {func(v *volume) { v.open(unix.O_RDWR); v.unmount(); v.mount() }, replaced},
		"replaced twice":           {func(v *volume) { v.open(unix.O_RDWR); v.unmount(); v.mount(); v.unmount(); v.mount() }, replaced},
		"a copy after replacement": {func(v *volume) { v.open(unix.O_RDWR); v.mount(); v.create(); v.open(unix.O_RDONLY) }, replaced},
		"opened again":             {func(v *volume) { v.open(unix.O_RDWR); v.mount(); v.create(); v.open(unix.O_RDWR) }, ""},
		"the mount is gone":        {func(v *volume) { v.open(unix.O_RDWR); v.unmount() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVolume(t)
			v.mount()
			v.create()
			tt.prepare(v)
			err := v.probe().Run(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && (!errors.Is(err, errUnusable) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestNothingIsAsked: the probe sends nothing to a FUSE client, so it waits neither for bricks nor for a client that hangs.
// Neither bricks that are away nor the death of the client makes it fail, until the mount is replaced.
func TestNothingIsAsked(t *testing.T) {
	v := newVolume(t)
	bricksAway := mountClient(t, v.dir)
	v.open(unix.O_RDWR)
	before := bricksAway.asked.Load()
	if err := v.probe().Run(t.Context()); err != nil {
		t.Errorf("bricks are away: %v", err)
	}
	if got := bricksAway.asked.Load() - before; got > 0 {
		t.Errorf("the client was asked %d times", got)
	}
	bricksAway.end()
	if err := v.probe().Run(t.Context()); err != nil {
		t.Errorf("the client has ended: %v", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(v.path(), &st); !errors.Is(err, unix.ENOTCONN) {
		t.Fatalf("the client has not ended: %v", err)
	}
	another := mountClient(t, v.dir)
	before = another.asked.Load()
	if err := v.probe().Run(t.Context()); !errors.Is(err, errUnusable) {
		t.Errorf("the mount was replaced: %v", err)
	}
	if got := another.asked.Load() - before; got > 0 {
		t.Errorf("the new client was asked %d times", got)
	}
}

// TestUnknownProcess: if the kernel does not show the descriptors, Heketi's answer decides.
func TestUnknownProcess(t *testing.T) {
	v := newVolume(t)
	p := v.probe()
	p.Process = filepath.Join(t.TempDir(), "missing")
	if err := p.Run(t.Context()); err != nil {
		t.Error(err)
	}
	p.URL = "http://127.0.0.1:1"
	if err := p.Run(t.Context()); err == nil {
		t.Error("nothing answers, and there is no error")
	}
}

// TestHello: the answer must come in time, with status 200, from any certificate.
func TestHello(t *testing.T) {
	answer := make(chan struct{})
	defer close(answer)
	for name, tt := range map[string]struct {
		start   func(http.Handler) *httptest.Server
		handler http.HandlerFunc
		want    string // "": the probe succeeds
	}{
		"well":     {httptest.NewServer, func(http.ResponseWriter, *http.Request) {}, ""},
		"with TLS": {httptest.NewTLSServer, func(http.ResponseWriter, *http.Request) {}, ""},
		"error":    {httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "503 Service Unavailable"},
		"redirect": {httptest.NewServer, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, "302 Found"},
		"silent": {httptest.NewServer, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-answer:
			case <-r.Context().Done():
			}
		}, "no answer within 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			server := tt.start(tt.handler)
			defer server.Close()
			limit := time.Minute
			if name == "silent" {
				limit = 50 * time.Millisecond
			}
			err := Probe{URL: server.URL, Database: "/none/heketi.db", Process: "/proc/self", Limit: limit}.Run(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), "GET "+server.URL+"/hello: "+tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// volume is the volume of the database, as the container of a Heketi sees it. This process is that Heketi.
type volume struct {
	*testing.T
	dir    string
	server *httptest.Server
}

func newVolume(t *testing.T) *volume {
	t.Helper()
	v := &volume{T: t, dir: t.TempDir(), server: httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
	t.Cleanup(func() {
		v.server.Close()
		for unix.Unmount(v.dir, unix.MNT_DETACH) == nil { // once for each mount
		}
	})
	return v
}

func (v *volume) probe() Probe {
	return Probe{URL: v.server.URL, Database: v.path(), Process: "/proc/self", Limit: time.Minute}
}

func (v *volume) path() string { return filepath.Join(v.dir, "heketi.db") }

// mount mounts another file system on what is there.
func (v *volume) mount() {
	v.Helper()
	if err := unix.Mount("tmpfs", v.dir, "tmpfs", 0, ""); err != nil {
		v.Fatal(err)
	}
}

// unmount removes the mount, although files of it are open.
func (v *volume) unmount() {
	v.Helper()
	if err := unix.Unmount(v.dir, unix.MNT_DETACH); err != nil {
		v.Fatal(err)
	}
}

func (v *volume) create() {
	v.Helper()
	if err := os.WriteFile(v.path(), nil, 0o600); err != nil {
		v.Fatal(err)
	}
}

func (v *volume) remove() {
	v.Helper()
	if err := os.Remove(v.path()); err != nil {
		v.Fatal(err)
	}
}

// open opens the database without any request besides those of the open itself.
func (v *volume) open(flags int) {
	v.Helper()
	fd, err := unix.Open(v.path(), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { _ = unix.Close(fd) })
}
