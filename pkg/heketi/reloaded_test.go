package heketi

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// TestReloadIsLogged: each change is logged once, and a problem is logged once until it is over.
func TestReloadIsLogged(t *testing.T) {
	server := httptest.NewTLSServer(hello())
	defer server.Close()
	certificate := certificateOf(server)
	dir := t.TempDir()
	authority, file := configuration{t, filepath.Join(dir, "ca.crt")}, configuration{t, filepath.Join(dir, "config.yaml")}
	content := "backends:\n- {name: a, url: '" + server.URL + "', caFile: '" + authority.path + "'}\n- {name: plain, url: 'http://a.example'}\n"
	file.write(content)
	logger, logs := bufferedLogger(t)
	backends, err := OpenBackends(logger, file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	aside := filepath.Join(dir, "aside")
	for _, step := range []struct {
		name              string
		do                func() error
		changes, problems int // logged so far
	}{
		{"no authority", func() error { return nil }, 0, 1},
		{"there is one", func() error { authority.write(certificate); return nil }, 1, 1},
		{"another content", func() error { authority.write(certificate + "\n"); return nil }, 2, 1},
		{"no certificate", func() error { authority.write("nonsense"); return nil }, 2, 2},
		{"one again", func() error { authority.write(certificate); return nil }, 3, 2},
		{"a new configuration", func() error { file.write(content + "# more\n"); return nil }, 4, 2},
		{"a wrong configuration", func() error {
			err := os.Rename(file.path, aside)
			file.write("backends: what?")
			return err
		}, 4, 3},
		{"the old file is back", func() error { return os.Rename(aside, file.path) }, 4, 3},
		{"the same wrong configuration", func() error { file.write("backends: what?"); return nil }, 4, 4},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			backends.All()
		}
		if changes, problems := logs("has changed"), logs("cannot be used"); changes != step.changes || problems != step.problems {
			t.Errorf("%s: %d changes and %d problems are logged, want %d and %d", step.name, changes, problems, step.changes, step.problems)
		}
	}
}

// TestUnchangedAuthority: a backend with a caFile stays the same, with its slots, as long as neither changes.
func TestUnchangedAuthority(t *testing.T) {
	one, _, certificate := newPair(t)
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	file.write("backends:\n- {name: a, url: '" + one + "', caFile: '" + writeFile(t, "ca.crt", certificate) + "'}\n")
	logger, _ := bufferedLogger(t)
	backends, err := OpenBackends(logger, file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	first := backends.All()[0]
	file.write("# the same again\nbackends:\n- {name: a, url: '" + one + "', caFile: '" + first.config.CAFile + "'}\n")
	for range 2 {
		if backends.All()[0] != first {
			t.Error("it was replaced")
		}
	}
}

// TestAuthorityThatIsADirectory: a directory is an error, and the system's authorities are not used instead.
func TestAuthorityThatIsADirectory(t *testing.T) {
	b := newBackend(BackendConfig{Name: "a", CAFile: t.TempDir(), MaxInFlight: 1}, DefaultTiming(), unobserved{})
	if errs := b.FileErrors(); len(errs) != 1 {
		t.Errorf("%v", errs)
	}
}

// connected is a Heketi that counts its connections.
type connected struct {
	url    string
	opened atomic.Int64
	closed chan struct{} // receives for each
}

func newConnected(t *testing.T) *connected {
	t.Helper()
	c := &connected{closed: make(chan struct{}, 100)}
	server := httptest.NewUnstartedServer(hello())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.opened.Add(1)
		}
		if state == http.StateClosed {
			c.closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *connected) wantClosed(t *testing.T, who string) {
	t.Helper()
	select {
	case <-c.closed:
	case <-time.After(30 * time.Second):
		t.Errorf("%s: an idle connection stays", who)
	}
}

// TestIdleConnections: idle connections are closed when their backend is replaced, and not before.
func TestIdleConnections(t *testing.T) {
	a, b := newConnected(t), newConnected(t)
	entry := func(name, url, more string) string { return "- {name: " + name + ", url: '" + url + "'" + more + "}\n" }
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	file.write("backends:\n" + entry("a", a.url, "") + entry("b", b.url, ""))
	logger, _ := bufferedLogger(t)
	backends, err := OpenBackends(logger, file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	ask := func() {
		t.Helper()
		for _, backend := range backends.All() {
			if _, err := backend.Hello(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	ask()
	file.write("backends:\n" + entry("a", a.url, ", maxInFlight: 3") + entry("b", b.url, ""))
	ask()
	a.wantClosed(t, "the backend that was replaced")
	if n := b.opened.Load(); n != 1 {
		t.Errorf("the backend that stays has opened %d connections", n)
	}
	for range 2 {
		backends.Close()
	}
	a.wantClosed(t, "a, at the end")
	b.wantClosed(t, "b, at the end")
	if n := len(backends.All()); n != 2 {
		t.Errorf("%d backends after Close", n)
	}
}
