package placement

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestResolverFollowsTheNode: clients resolve names as the node does now, not as when the container was created.
func TestResolverFollowsTheNode(t *testing.T) {
	dir, root := stateDir(t), t.TempDir()
	n := openNode(t, dir)
	if err := errors.Join(os.MkdirAll(root+"/etc", 0o755), os.MkdirAll(root+"/run/resolve", 0o755),
		os.Symlink("/run/resolve/stub.conf", root+"/etc/resolv.conf"), // on the node, not in this container
		os.WriteFile(root+"/run/resolve/stub.conf", []byte("nameserver 127.0.0.53\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, hosts := range []string{"192.0.2.1 storage1\n", "192.0.2.2 storage1\n"} {
		if err := os.WriteFile(root+"/etc/hosts", []byte(hosts), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := n.UpdateResolver(root); err != nil {
			t.Fatal(err)
		}
		inside(t, n, func() error {
			got, err := os.ReadFile("/etc/hosts")
			conf, confErr := os.ReadFile("/etc/resolv.conf")
			if string(got) != hosts || !strings.Contains(string(conf), "127.0.0.53") {
				t.Errorf("hosts are %q, want %q, resolv.conf is %q", got, hosts, conf)
			}
			return errors.Join(err, confErr)
		})
	}
	if err := errors.Join(os.Remove(root+"/etc/hosts"), n.UpdateResolver(root)); err != nil {
		t.Errorf("without a hosts file: %v", err)
	}
	if err := n.UpdateResolver(filepath.Join(root, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the directory: %v", err)
	}
	own, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(n.tree.dir, "etc/hosts")); err != nil || string(got) != string(own) {
		t.Errorf("without the directory, the hosts are %q, %v, want this container's", got, err)
	}
}

func TestHostAliases(t *testing.T) {
	for hosts, want := range map[string]string{
		"127.0.0.1 localhost\n":                             "",
		"\n# Entries added by HostAliases.\n192.0.2.7\tx\n": "\n# Entries added by HostAliases.\n192.0.2.7\tx\n",
		"# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n\n# Entries added by HostAliases.\n192.0.2.7\tstorage1\n": "\n# Entries added by HostAliases.\n192.0.2.7\tstorage1\n",
	} {
		if got := string(hostAliases([]byte(hosts))); got != want {
			t.Errorf("%q: %q, want %q", hosts, got, want)
		}
	}
}

// bareNode returns a node with two versions of a client without files, and an unfinished copy of a third.
func bareNode(t *testing.T) (n *Node, trees string) {
	t.Helper()
	trees = filepath.Join(t.TempDir(), TreeDir)
	for _, name := range []string{"1-x", "2-y", "3-z" + unfinishedSuffix} {
		if err := os.MkdirAll(filepath.Join(trees, name, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &Node{tree: tree{dir: filepath.Join(trees, "2-y")}}, trees
}

// TestResolverOfAllVersions: clients of earlier versions keep running, and get the pod's aliases as well.
func TestResolverOfAllVersions(t *testing.T) {
	const aliases = "\n# Entries added by HostAliases.\n192.0.2.7\tstorage1\n"
	own, root := t.TempDir(), t.TempDir()
	write(t, own, map[string]string{"resolv.conf": "of the pod" + aliases})
	write(t, root, map[string]string{"etc/hosts": "of the node", "etc/resolv.conf": "of the node"})
	bare := t.TempDir() // a node without a hosts file
	write(t, bare, map[string]string{"etc/resolv.conf": "of the node"})
	if err := unix.Mount(own, "/etc", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/etc", unix.MNT_DETACH) })
	n, trees := bareNode(t)
	for _, tt := range []struct{ from, own, hosts, resolver string }{
		{root, "of the pod" + aliases, "of the node" + aliases, "of the node"},
		{bare, "of the pod" + aliases, aliases, "of the node"},
		{bare, "of the pod", "", "of the node"}, // the administrator has removed the aliases
		{"/", "of the pod" + aliases, "of the pod" + aliases, "of the pod" + aliases},
	} {
		write(t, own, map[string]string{"hosts": tt.own})
		if err := n.UpdateResolver(tt.from); err != nil {
			t.Error(err)
		}
		all := read(t, trees)
		for _, version := range []string{"1-x", "2-y"} {
			if hosts, resolver := all[version+"/etc/hosts"], all[version+"/etc/resolv.conf"]; hosts != tt.hosts || resolver != tt.resolver {
				t.Errorf("from %s, version %s has %q and %q, want %q and %q", tt.from, version, hosts, resolver, tt.hosts, tt.resolver)
			}
		}
		if len(all) != 4 {
			t.Errorf("files: %q", all)
		}
	}
	before, err := os.Stat(trees + "/1-x/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.UpdateResolver("/"); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(trees + "/1-x/etc/hosts"); err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that has not changed was written: %v", err)
	}
}

// TestResolverInDoubt: the error names the file that clients cannot get, and they get the others.
func TestResolverInDoubt(t *testing.T) {
	n, trees := bareNode(t)
	root := t.TempDir()
	write(t, root, map[string]string{"etc/hosts": "/", "etc/resolv.conf": "of the node"})
	err := n.updateResolver(root)
	if !errors.Is(err, unix.EISDIR) || !strings.HasPrefix(err.Error(), "give GlusterFS clients /etc/hosts of "+root) {
		t.Errorf("the hosts file is a directory: %v", err)
	}
	if got := read(t, trees)["1-x/etc/resolv.conf"]; got != "of the node" {
		t.Errorf("resolv.conf is %q", got)
	}
	write(t, trees, map[string]string{"2-y/etc/hosts": "former"})
	write(t, root, map[string]string{"missing": "", "empty/etc/hosts": ""})
	before := mounttest.Descriptors(t)
	if err := n.updateResolver(root + "/missing/.."); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("the root directory is a file: %v", err)
	}
	if err := errors.Join(os.MkdirAll(root+"/without/etc", 0o755), n.updateResolver(root+"/without")); err != nil {
		t.Errorf("without a hosts file: %v", err)
	}
	if got := read(t, trees)["2-y/etc/hosts"]; got == "former" {
		t.Errorf("without a hosts file, the copy stays %q", got)
	}
	if got := read(t, trees)["2-y/etc/resolv.conf"]; got != "of the node" {
		t.Errorf("without a resolver, the copy becomes %q", got)
	}
	if err := n.updateResolver(root + "/empty"); err != nil {
		t.Error(err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if got, found := read(t, trees)["1-x/etc/hosts"]; got != "" || !found {
		t.Errorf("an empty hosts file becomes %q, %t", got, found)
	}
	if err := os.Remove(trees + "/1-x/etc/hosts"); err != nil {
		t.Fatal(err)
	}
	write(t, trees, map[string]string{"1-x/etc/hosts/x": ""}) // a directory in the way
	if err := n.UpdateResolver("/"); err == nil || strings.Count(err.Error(), "give GlusterFS clients /etc/hosts of /") != 1 {
		t.Errorf("a copy that cannot be written: %v", err)
	}
	own, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, trees)["2-y/etc/hosts"]; got != string(own) {
		t.Errorf("the other copy is %q", got)
	}
	if err := (&Node{tree: tree{dir: trees + "/1-x/etc/hosts/x/2-y"}}).updateResolver("/"); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("without copies: %v", err)
	}
}
