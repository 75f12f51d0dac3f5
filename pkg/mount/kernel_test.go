package mount_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) { os.Exit(mounttest.RunPrivate(m)) }

func anyMount(*mountinfo.Info) error { return nil }

// tmpfs mounts a tmpfs at dir/name.
func tmpfs(t *testing.T, dir, name string, flags uintptr) (string, mount.Device) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("source of "+name, path, "tmpfs", flags, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mount.Unmount(path, anyMount); err != nil {
			t.Error(err)
		}
	})
	return path, mount.DeviceOf(top(t, path))
}

func top(t *testing.T, path string) *mountinfo.Info {
	t.Helper()
	info, err := mount.Top(path)
	if err != nil {
		t.Fatal(err)
	}
	if info == nil {
		t.Fatalf("%s is not a mount point", path)
	}
	return info
}

func TestTop(t *testing.T) {
	dir := t.TempDir()
	lower, lowerDev := tmpfs(t, dir, "a point with spaces\tand tabs", 0)
	if got := top(t, lower); got.Mountpoint != lower || got.Source != "source of a point with spaces\tand tabs" {
		t.Errorf("%+v", got)
	}
	if err := unix.Mount("upper", lower, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if got := top(t, lower); got.Source != "upper" || mount.DeviceOf(got) == lowerDev {
		t.Errorf("the lower layer is seen: %+v", got)
	}
	file := filepath.Join(dir, "file")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(lower, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "file", "link"} {
		if got, err := mount.Top(filepath.Join(dir, name)); got != nil || err != nil {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
	if _, err := mount.Top(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestBind(t *testing.T) {
	dir := t.TempDir()
	source, dev := tmpfs(t, dir, "source", unix.MS_NOEXEC)
	for name, c := range map[string]struct {
		flags mount.Flags
		want  string
	}{
		"rw":   {mount.Flags{}, "rw,nosuid,nodev,noexec,relatime"},
		"ro":   {mount.Flags{ReadOnly: true}, "ro,nosuid,nodev,noexec,relatime"},
		"suid": {mount.Flags{Suid: true}, "rw,nodev,noexec,relatime"},
	} {
		target := filepath.Join(dir, name)
		if err := os.Mkdir(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := mount.Bind(source, dev, target, c.flags); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = mount.Unmount(target, anyMount) })
		if got := top(t, target); mount.DeviceOf(got) != dev || got.Options != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	// The option suid was added while the volume was mounted without it.
	if err := errors.Join(mount.Unmount(filepath.Join(dir, "suid"), anyMount),
		mount.Bind(filepath.Join(dir, "rw"), dev, filepath.Join(dir, "suid"), mount.Flags{Suid: true})); err != nil {
		t.Fatal(err)
	}
	if got := top(t, filepath.Join(dir, "suid")).Options; got != "rw,nodev,noexec,relatime" {
		t.Errorf("suid from nosuid: %s", got)
	}
	if mount.IsReadOnly(top(t, source)) {
		t.Error("the source became read-only")
	}
	if err := os.WriteFile(filepath.Join(dir, "ro", "file"), nil, 0o600); !errors.Is(err, unix.EROFS) {
		t.Error(err)
	}
	if all, err := mount.MountsOf(dev); err != nil || len(all) != 4 {
		t.Errorf("%d mounts of the device, %v", len(all), err)
	}
}

func TestBindReplaces(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			dir := t.TempDir()
			source, dev := tmpfs(t, dir, "source", 0)
			target, _ := tmpfs(t, dir, "target", 0)
			if err := mount.Bind(source, dev, target, mount.Flags{}); err != nil {
				t.Fatal(err)
			}
			if got := top(t, target); mount.DeviceOf(got) != dev {
				t.Errorf("%+v", got)
			}
			if got := countLayers(t, target); got != layers {
				t.Errorf("%d layers, want %d", got, layers)
			}
		})
	}
}

func TestBindRefuses(t *testing.T) {
	dir := t.TempDir()
	source, dev := tmpfs(t, dir, "source", 0)
	target := filepath.Join(dir, "target")
	if err := errors.Join(os.Mkdir(target, 0o755), os.Symlink(target, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source, target string
		dev            mount.Device
	}{
		"another device": {source, target, mount.Device{Major: 9, Minor: 9}},
		"no source":      {filepath.Join(dir, "missing"), target, dev},
		"no target":      {source, filepath.Join(dir, "missing"), dev},
		"a link":         {source, filepath.Join(dir, "link"), dev},
	} {
		if err := mount.Bind(c.source, c.dev, c.target, mount.Flags{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got, err := mount.Top(target); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUnmount(t *testing.T) {
	dir := t.TempDir()
	path, _ := tmpfs(t, dir, "point", 0)
	for range 2 {
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(filepath.Join(path, "file")) // an open file does not prevent the unmount
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	refusal, seen := errors.New("not mine"), 0
	err = mount.Unmount(path, func(*mountinfo.Info) error {
		if seen++; seen == 2 {
			return refusal
		}
		return nil
	})
	if !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	top(t, path) // the refused layer is still there
	for range 2 {
		if err := mount.Unmount(path, anyMount); err != nil {
			t.Error(err)
		}
	}
	if got, err := mount.Top(path); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if err := mount.Unmount(filepath.Join(dir, "missing"), anyMount); err != nil {
		t.Error(err)
	}
}

func TestRemoveDir(t *testing.T) {
	dir := t.TempDir()
	point, _ := tmpfs(t, dir, "point", 0)
	full := filepath.Join(dir, "full")
	if err := errors.Join(os.Mkdir(full, 0o755), os.WriteFile(filepath.Join(full, "file"), nil, 0o600), os.Mkdir(filepath.Join(dir, "empty"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		point:                         unix.EBUSY,
		full:                          unix.ENOTEMPTY,
		filepath.Join(full, "file"):   unix.ENOTDIR,
		filepath.Join(dir, "empty"):   nil,
		filepath.Join(dir, "missing"): nil,
	} {
		if err := mount.RemoveDir(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestWithin(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	hang := func() (int, error) { <-release; return 0, nil }
	if got, err := mount.Within(t.Context(), time.Minute, func() (int, error) { return 7, fs.ErrExist }); got != 7 || !errors.Is(err, fs.ErrExist) {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := mount.Within(t.Context(), time.Nanosecond, hang); !errors.Is(err, mount.ErrTimeout) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mount.Within(ended, time.Minute, hang); !errors.Is(err, mount.ErrTimeout) {
		t.Error(err)
	}
}
