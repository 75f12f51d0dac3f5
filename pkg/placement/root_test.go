package placement

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// inside calls fn on a thread that has a client's root directory.
func inside(t *testing.T, n *Node, fn func() error) { t.Helper(); insideWith(t, n, "", fn) }

func insideWith(t *testing.T, n *Node, log string, fn func() error) {
	t.Helper()
	if err := osthread.Run(func() error { return errors.Join(n.root.enter(log), fn()) }); err != nil {
		t.Error(err)
	}
}

// TestRootIsAFence: a client sees only its own files, and can write its log and temporary files.
func TestRootIsAFence(t *testing.T) {
	dir := stateDir(t)
	n := openNode(t, dir)
	log, others := filepath.Join(dir, "logs", "own.log"), filepath.Join(dir, "logs", "others.log")
	if err := errors.Join(os.WriteFile(log, nil, 0o600), os.WriteFile(others, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	insideWith(t, n, log, func() error {
		for _, path := range []string{filepath.Join(dir, "tree"), filepath.Join(dir, "volumes"), "/root", "/home", "/bin/sh", "/usr/bin", "/var/lib/kubelet"} {
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is visible: %v", path, err)
			}
		}
		for _, path := range []string{"/", "/dev", "/etc", "/run", "/usr", filepath.Join(dir, "clients"), filepath.Join(dir, "logs")} {
			if err := os.WriteFile(filepath.Join(path, "new"), nil, 0o600); !errors.Is(err, unix.EROFS) {
				t.Errorf("a file in %s: %v, want a read-only file system", path, err)
			}
		}
		for _, path := range []string{"/tmp/new", log} {
			if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
				t.Error(err)
			}
		}
		if err := os.WriteFile(others, nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("another client's log: %v, want a read-only file system", err)
		}
		for name, err := range map[string]error{"removed": os.Remove(log), "renamed": os.Rename(log, log+".1"), "replaced by a link": os.Symlink("/x", log)} {
			if err == nil {
				t.Errorf("the log was %s", name)
			}
		}
		if err := os.WriteFile("/tmp/large", make([]byte, 17<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("17 MiB in /tmp: %v, want no space left", err)
		}
		gate, err := n.confine.apply(Client{})
		if err != nil {
			return err
		}
		gate.close()
		const no = ^uintptr(0)
		if err := unix.Unmount("/proc/sys", unix.MNT_DETACH); !errors.Is(err, unix.EPERM) {
			t.Errorf("the mount that covers /proc/sys was removed: %v", err)
		}
		// It could make a writable clone of that mount.
		if _, _, errno := unix.Syscall6(unix.SYS_OPEN_TREE_ATTR, no, no, no, no, no, no); errno != unix.EPERM {
			t.Errorf("open_tree_attr: %v", errno)
		}
		// The program that the node's kernel runs as root when a process crashes.
		if err := os.WriteFile("/proc/sys/kernel/core_pattern", []byte("core"), 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("core_pattern: %v, want a read-only file system", err)
		}
		fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
		return errors.Join(err, fuse.Close())
	})
	if text, err := os.ReadFile(log); err != nil || string(text) != "text" {
		t.Errorf("the text written to the log is not there: %q, %v", text, err)
	}
}

// TestRootLeavesTheNodeAlone: neither entering the root nor removing the old one unmounts anything elsewhere, even if mounts are
// shared, as systemd makes them.
func TestRootLeavesTheNodeAlone(t *testing.T) {
	dir := stateDir(t)
	n := openNode(t, dir)
	if err := errors.Join(unix.Mount("tmpfs", dir+"/clients", "tmpfs", 0, ""), os.Mkdir(dir+"/clients/one", 0o700), os.Mkdir(dir+"/clients/volume", 0o700),
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""), unix.Mount("volume", dir+"/clients/volume", "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(dir+"/clients/volume", 0), unix.Unmount(dir+"/clients", 0),
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
			t.Error(err)
		}
	})
	before, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	inside(t, n, func() error { return unix.Mount("fresh", dir+"/clients/one", "tmpfs", 0, "") })
	after, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil || string(after) != string(before) {
		t.Errorf("the mounts were\n%s\nand are\n%s (%v)", before, after, err)
	}
}

// TestNoexecStateDirectory: /var is often mounted noexec.
func TestNoexecStateDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("var", dir, "tmpfs", unix.MS_NOEXEC|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	if err := errors.Join(os.Mkdir(dir+"/clients", 0o700), os.Mkdir(dir+"/logs", 0o700)); err != nil {
		t.Fatal(err)
	}
	openNode(t, dir) // tries the client
}

// TestSecretsAreInMemory: TLS keys are in the client's root, and not in the copy on the node's disk.
func TestSecretsAreInMemory(t *testing.T) {
	dir := stateDir(t)
	for _, at := range []string{"/etc/ssl", "/var/lib/glusterd"} {
		if err := errors.Join(os.MkdirAll(at, 0o755), unix.Mount("secret", at, "tmpfs", 0, "")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	}
	files := map[string]string{"/etc/ssl/glusterfs.key": "key", "/etc/ssl/glusterfs.pem": "certificate", "/var/lib/glusterd/secure-access": ""}
	for path, content := range files {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := openNode(t, dir)
	inside(t, n, func() error {
		for path, content := range files {
			if data, err := os.ReadFile(path); err != nil || string(data) != content {
				t.Errorf("%s is %q, %v", path, data, err)
			}
		}
		return nil
	})
	for path := range files {
		if _, err := os.Stat(filepath.Join(n.tree.dir, path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is on the disk: %v", path, err)
		}
	}
}

// TestSecretsAreRenewed: secrets are renewed in the memory of a running client, and not created if the client had none.
func TestSecretsAreRenewed(t *testing.T) {
	if err := unix.Mount("secret", "/etc/ssl", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/etc/ssl", unix.MNT_DETACH) })
	root := t.TempDir()
	key := root + "/etc/ssl/glusterfs.key"
	if err := errors.Join(os.MkdirAll(root+"/etc/ssl", 0o700), os.WriteFile(key, []byte("old"), 0o400),
		os.WriteFile("/etc/ssl/glusterfs.key", []byte("new"), 0o400), os.WriteFile("/etc/ssl/glusterfs.pem", []byte("new"), 0o400)); err != nil {
		t.Fatal(err)
	}
	if err := RefreshSecrets(below(root)); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(key); err != nil || string(data) != "new" {
		t.Errorf("the key is %q, %v", data, err)
	}
	if _, err := os.Stat(root + "/etc/ssl/glusterfs.pem"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that the client did not have: %v", err)
	}
}
