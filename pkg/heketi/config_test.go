package heketi

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadConfig(t *testing.T) {
	key := writeFile(t, "key", "secret\n")
	path := writeFile(t, "config.yaml", `
backends:
- name: main
  url: HTTP://Heketi:80/
  keyFile: `+key+`
- name: other
  url: https://heketi:8443
  user: admin
  maxInFlight: 3
  clusters: [`+clusterA+`, `+clusterB+`]
  adopt: false
  volumeNamePrefix: cluster-a
`)
	got, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Backends: []BackendConfig{
		{Name: "main", URL: "http://heketi", User: "admin", KeyFile: key, MaxInFlight: 8},
		{Name: "other", URL: "https://heketi:8443", User: "admin", MaxInFlight: 3, Clusters: []string{clusterA, clusterB},
			Adopt: new(bool), VolumeNamePrefix: "cluster-a"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, config, want string
	}{
		{"nothing", "", "backends"},
		{"no backend", "backends: []", "backends"},
		{"an unknown key", "backends:\n- name: a\n  url: http://h\n  key: secret", `unknown field "key"`},
		{"a key twice", "backends:\n- name: a\n  name: b\n  url: http://h", `"name" already set`},
		{"no name", "backends:\n- url: http://h", "backends[0].name"},
		{"a bad name", "backends:\n- name: a/b\n  url: http://h", `backends[0].name: "a/b"`},
		{"an invalid prefix", "backends:\n- name: a\n  url: http://h\n  volumeNamePrefix: a_b", `backends[0].volumeNamePrefix: "a_b"`},
		{"a prefix of names without one", "backends:\n- name: a\n  url: http://h\n  volumeNamePrefix: csi-default", `backends[0].volumeNamePrefix: "csi-default"`},
		{"adopt as a word", "backends:\n- name: a\n  url: http://h\n  adopt: maybe", "adopt"},
		{"no url", "backends:\n- name: a", "backends[0].url"},
		{"a path in the url", "backends:\n- name: a\n  url: http://h/heketi", "backends[0].url"},
		{"the issuer user", "backends:\n- name: a\n  url: http://h\n  user: user", "may start a create but not ask for its result"},
		{"too many in flight", "backends:\n- name: a\n  url: http://h\n  maxInFlight: 257", "from 1 to 256"},
		{"negative in flight", "backends:\n- name: a\n  url: http://h\n  maxInFlight: -1", "from 1 to 256"},
		{"clusters not in a list", "backends:\n- name: a\n  url: http://h\n  clusters: " + clusterA, "clusters"},
		{"an invalid cluster id", "backends:\n- name: a\n  url: http://h\n  clusters: [main]", `backends[0].clusters[0]: "main"`},
		{"a cluster in capitals", "backends:\n- name: a\n  url: http://h\n  clusters: [" + strings.ToUpper(clusterA) + "]", "in lower case"},
		{"an empty cluster", "backends:\n- name: a\n  url: http://h\n  clusters: [" + clusterA + ", '']", "backends[0].clusters[1]"},
		{"a cluster twice", "backends:\n- name: a\n  url: http://h\n  clusters: [" + clusterA + ", " + clusterA + "]", "must be different from backends[0].clusters[0]"},
		{"a name twice", "backends:\n- name: a\n  url: http://h\n- name: a\n  url: http://i", `backends[1].name: "a" is not allowed: must be different from backends[0].name`},
		{"a url twice", "backends:\n- name: a\n  url: http://h\n- name: b\n  url: http://H:80/", "must be different from backends[0].url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := LoadConfig(writeFile(t, "config.yaml", tc.config))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
	if _, err := LoadConfig("/nowhere/config.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestSelect(t *testing.T) {
	a := BackendConfig{Name: "a", URL: "http://heketi-a:8080"}
	b := BackendConfig{Name: "b", URL: "http://heketi-b:8080"}
	for _, tc := range []struct {
		test      string
		backends  []BackendConfig
		name, url string
		want      string // "" is refused
	}{
		{"the only one", []BackendConfig{a}, "", "", "a"},
		{"by name", []BackendConfig{a, b}, "b", "", "b"},
		{"by url", []BackendConfig{a, b}, "", "http://heketi-b:8080", "b"},
		{"none of several", []BackendConfig{a, b}, "", "", ""},
		{"an unknown name", []BackendConfig{a, b}, "c", "", ""},
		{"an unknown url", []BackendConfig{a, b}, "", "http://heketi-c:8080", ""},
	} {
		t.Run(tc.test, func(t *testing.T) {
			bs, err := NewBackends(Config{Backends: tc.backends}, DefaultTiming())
			if err != nil {
				t.Fatal(err)
			}
			got, err := bs.Select(tc.name, tc.url)
			if tc.want != "" {
				if err != nil || got.Name() != tc.want {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, volume.ErrInvalid) || !strings.Contains(err.Error(), "a (http://heketi-a:8080), b (http://heketi-b:8080)") {
				t.Errorf("got %v, want an error that lists what is configured", err)
			}
		})
	}
}
