package fuseclient

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
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

// TestFirstMountOfAnotherType: only a mount of GlusterFS is taken for the volume, whatever a client mounts.
func TestFirstMountOfAnotherType(t *testing.T) {
	n := newNode(t)
	fresh, pid := n.mkdir("fresh"), mounttest.Container(t, "private")
	mounttest.Inside(t, pid, func() error { return unix.Mount("gluster1:/vol", fresh, "tmpfs", 0, "") })
	client, err := identifyProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if dev, err := n.firstAnswer(t.Context(), time.Minute, client, fresh, pidfd); err == nil || !strings.Contains(err.Error(), `a file system of type "tmpfs"`) {
		t.Errorf("%v, %v", dev, err)
	}
}
