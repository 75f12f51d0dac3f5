package heketi

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// newPair starts two Heketis with the same certificate, which it returns.
func newPair(t *testing.T) (one, other, certificate string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/hello", hello())
	mux.HandleFunc("/clusters", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"clusters": ["` + clusterA + `"]}`))
	})
	urls := make([]string, 2)
	for i := range urls {
		server := httptest.NewTLSServer(mux)
		t.Cleanup(server.Close)
		urls[i], certificate = server.URL, certificateOf(server)
	}
	return urls[0], urls[1], certificate
}

// use makes a call to a backend that needs its key.
func use(t *testing.T, backends *Backends, name string) error {
	t.Helper()
	backend, err := backends.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	client, err := backend.Client(volume.Credentials{})
	if err != nil {
		return err
	}
	_, err = client.Clusters(t.Context())
	return err
}

// TestUnreadableFiles: a key file or a CA file that cannot be read does not affect other backends, neither at the start nor when
// the configuration changes, and is used as soon as it can be read.
func TestUnreadableFiles(t *testing.T) {
	one, other, certificate := newPair(t)
	for _, tt := range []struct{ name, field, content, says string }{
		{"no such key", "keyFile", "", "no such file"},
		{"an empty key", "keyFile", "\n", "is empty; write Heketi's admin key into it"},
		{"a huge key", "keyFile", strings.Repeat("k", largestKey+1), "is larger than"},
		{"no such CA", "caFile", "", "no such file"},
		{"a CA without certificate", "caFile", "none", "holds no PEM certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{"keyFile": "secret\n", "caFile": certificate}
			for field, content := range files {
				if err := os.WriteFile(filepath.Join(dir, field), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			broken := configuration{t, filepath.Join(dir, "broken")}
			if tt.content != "" {
				broken.write(tt.content)
			}
			entry := func(name, url string, path map[string]string) string {
				return fmt.Sprintf("- {name: %s, url: '%s', keyFile: '%s', caFile: '%s'}\n", name, url,
					filepath.Join(dir, path["keyFile"]), filepath.Join(dir, path["caFile"]))
			}
			good := map[string]string{"keyFile": "keyFile", "caFile": "caFile"}
			bad := map[string]string{"keyFile": "keyFile", "caFile": "caFile", tt.field: "broken"}
			file := configuration{t, filepath.Join(dir, "config.yaml")}
			file.write("backends:\n" + entry("bad", one, bad) + entry("good", other, good))
			logger, logs := bufferedLogger(t)
			backends, err := OpenBackends(logger, file.path, DefaultTiming())
			if err != nil {
				t.Fatal(err)
			}
			defer backends.Close()

			check := func(name string) {
				t.Helper()
				for range 3 {
					err := use(t, backends, name)
					if !errors.Is(err, volume.ErrUnavailable) || OutcomeOf(err) != Refused {
						t.Fatalf("got %v, want ErrUnavailable before anything was begun", err)
					}
					for _, part := range []string{`backend "` + name + `"`, tt.field, broken.path, tt.says} {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("%q does not say %q", err, part)
						}
					}
					if err := use(t, backends, "good"); err != nil {
						t.Errorf("the other backend: %v", err)
					}
				}
			}
			check("bad")
			if n := logs("cannot be used"); n != 1 {
				t.Errorf("at the start: logged %d times", n)
			}
			file.write("backends:\n" + entry("good", other, good) + entry("worse", one, bad))
			check("worse")
			if n := logs("cannot be used"); n != 2 {
				t.Errorf("after a change: logged %d times", n)
			}
			broken.write(files[tt.field])
			if err := use(t, backends, "worse"); err != nil {
				t.Errorf("the file is right now: %v", err)
			}
		})
	}
}

// TestUnreadableKeyAndSecret: the secret of a request is used if the backend's own key cannot be read.
func TestUnreadableKeyAndSecret(t *testing.T) {
	one, _, certificate := newPair(t)
	backends, err := NewBackends(Config{Backends: []BackendConfig{
		{Name: "a", URL: one, KeyFile: "/nowhere/key", CAFile: writeFile(t, "ca.crt", certificate)},
	}}, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	client, err := backends.All()[0].Client(volume.Credentials{Key: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Clusters(t.Context()); err != nil {
		t.Error(err)
	}
}
