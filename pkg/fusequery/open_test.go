package fusequery

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// openRoot opens a directory without asking its file system.
func openRoot(t *testing.T, path string) *os.File {
	t.Helper()
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	root := os.NewFile(uintptr(fd), path)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	mounted := filepath.Join(dir, "mounted")
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "sub/dir"), 0o755), os.Mkdir(mounted, 0o755), os.Symlink("sub", filepath.Join(dir, "link")),
		os.Symlink("/proc/self/root", filepath.Join(dir, "out")), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		unix.Mount("tmpfs", mounted, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(mounted, unix.MNT_DETACH) })
	if err := os.Mkdir(filepath.Join(mounted, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	a, root := newAsker(t), openRoot(t, dir)
	for _, test := range []struct {
		path         string
		open, across error
	}{
		{".", nil, nil},
		{"sub/dir", nil, nil},
		{"file", nil, nil},
		{"missing", unix.ENOENT, unix.ENOENT},
		{"file/below", unix.ENOTDIR, unix.ENOTDIR},
		{"..", unix.EXDEV, unix.EXDEV},
		{"sub/../..", unix.EXDEV, unix.EXDEV},
		{"/", unix.EXDEV, unix.EXDEV},
		{"link", unix.ELOOP, unix.ELOOP},
		{"link/dir", unix.ELOOP, unix.ELOOP},
		{"out/etc", unix.ELOOP, unix.ELOOP},
		{"mounted", unix.EXDEV, nil},
		{"mounted/below", unix.EXDEV, nil},
	} {
		opens := []struct {
			name string
			ask  func() (*os.File, error)
			want error
		}{
			{"Open", func() (*os.File, error) { return a.Open(t.Context(), long, root, test.path) }, test.open},
			{"OpenAcross", func() (*os.File, error) { return a.OpenAcross(t.Context(), long, root, test.path) }, test.across},
		}
		for _, open := range opens {
			file, err := open.ask()
			if !errors.Is(err, open.want) {
				t.Errorf("%s %q: %v, want %v", open.name, test.path, err, open.want)
			}
			if err != nil {
				continue
			}
			var have, want unix.Stat_t
			if err := errors.Join(unix.Fstat(int(file.Fd()), &have), unix.Stat(filepath.Join(dir, test.path), &want)); err != nil {
				t.Error(err)
			}
			if have.Ino != want.Ino || have.Dev != want.Dev {
				t.Errorf("%s %q opened another file", open.name, test.path)
			}
			_ = file.Close()
		}
	}
}

func TestOpenWithoutDescriptors(t *testing.T) {
	a, root := newAsker(t), openRoot(t, t.TempDir())
	if file, err := a.Open(t.Context(), long, root, "."); err != nil {
		t.Fatal(err)
	} else {
		_ = file.Close()
	}
	restore := mounttest.LimitDescriptors(t, 0)
	_, err := a.Open(t.Context(), long, root, ".")
	restore()
	if !errors.Is(err, ErrNotAsked) || !errors.Is(err, unix.EMFILE) {
		t.Errorf("without a descriptor for it: %v", err)
	}
	if _, err := openBelow(nil, ".", false); !errors.Is(err, unix.EMFILE) {
		t.Errorf("without the directory: %v", err)
	}
}

// TestOpenThatStillWaits: however often a file on a hung client is opened, one process waits for it. When that process gets its answer,
// the file is looked up again.
func TestOpenThatStillWaits(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	stop := sync.OnceFunc(c.takeRequests())
	defer stop()
	hung := openRoot(t, c.path)
	for _, path := range []string{"sub", "sub", "sub", "other", "sub", "other"} {
		if _, err := a.Open(t.Context(), 50*time.Millisecond, hung, path); !errors.Is(err, mount.ErrTimeout) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if waiting := children(t); len(waiting) != 2 {
		t.Errorf("the processes %v wait, want one for each file", waiting)
	}
	stop()
	c.end()
	waitFor(t, "another request", func() bool {
		_, err := a.Open(t.Context(), long, hung, "sub")
		return err != nil && !errors.Is(err, mount.ErrTimeout)
	})
}

// TestOpenOnAHungClient: a client that hangs delays the questions about its own directory, and no others.
func TestOpenOnAHungClient(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	stop := c.takeRequests()
	defer stop()
	hung, well := openRoot(t, c.path), openRoot(t, t.TempDir())
	if _, err := a.Open(t.Context(), 50*time.Millisecond, hung, "sub"); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("hung: %v", err)
	}
	file, err := a.Open(t.Context(), long, well, ".")
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
}
