package fuseclient

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestClientArgs(t *testing.T) {
	s := source("vol", "ro", "noexec", "nodev", "acl", "attribute-timeout=30", "log-level=error", "server-port=24107")
	s.Subdir = "sub/dir"
	got := clientArgs(s, mount.Reachable{Servers: []string{"gluster1", "fd00::1"}, IPv6: true}.ClientArgs(24107, 10), "/logs/l", ".secret", "/clients/c")
	want := strings.Fields(`-N --process-name fuse --log-level=ERROR --log-file=/logs/l --volfile-server=gluster1 --volfile-server=fd00::1
		--xlator-option=transport.address-family=inet6 --xlator-option=meta-autoload.meta-dir-name=.secret --volfile-id=/vol
		--lru-limit=0 --acl --attribute-timeout=30 --read-only --volfile-server-port=24107 --fuse-mountopts=noexec /clients/c`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestClientArgsBoundTheCache: the client's cache is limited only if the mount options limit it.
func TestClientArgsBoundTheCache(t *testing.T) {
	for flag, want := range map[string]string{"acl": "--lru-limit=0", "lru-limit=65536": "--lru-limit=65536", "lru-limit=0": "--lru-limit=0"} {
		args := clientArgs(source("vol", flag), []string{"--volfile-server=gluster1"}, "/logs/l", ".secret", "/clients/c")
		args = slices.DeleteFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "--lru-limit") })
		if !slices.Equal(args, []string{want}) {
			t.Errorf("%s: %q, want %s", flag, args, want)
		}
	}
}

func TestClientEnvHasNoSecrets(t *testing.T) {
	t.Setenv("HEKETI_KEY", "secret")
	t.Setenv("TZ", "UTC")
	env := clientEnv()
	if !slices.Contains(env, "TZ=UTC") || slices.ContainsFunc(env, func(e string) bool { return strings.Contains(e, "secret") }) {
		t.Errorf("%q", env)
	}
}
