package healing

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) {
	if fusequery.IsChild(os.Args) {
		syscall.Exit(fusequery.Serve(os.Stderr))
	}
	os.Exit(mounttest.RunPrivate(m))
}

// newHealer returns a Healer that does not run, on a node without volumes.
func newHealer(t *testing.T) *Healer {
	t.Helper()
	asker := &fusequery.Asker{}
	h, err := New(Config{Clients: &fuseclient.Manager{}, Asker: asker, StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.watcher.Close(); asker.Close() })
	return h
}

func mountAt(t *testing.T, path, source, fsType, data string) mount.Device {
	t.Helper()
	if err := errors.Join(os.MkdirAll(path, 0o755), unix.Mount(source, path, fsType, 0, data)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for unix.Unmount(path, unix.MNT_DETACH) == nil { // a repair may have added mounts there
		}
	})
	return deviceAt(t, path)
}

func deviceAt(t *testing.T, path string) mount.Device {
	t.Helper()
	device, mounted, err := mount.DeviceAt(path)
	if err != nil || !mounted {
		t.Fatalf("%s: %v, %v", path, mounted, err)
	}
	return device
}

// deadVolume mounts a volume whose client has ended.
func deadVolume(t *testing.T, path string) mount.Device {
	t.Helper()
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dev)
	return mountAt(t, path, "server:/vol", mount.FSType, fuseOptions(dev))
}

// askOnce starts the child process that asks clients.
func (h *Healer) askOnce(t *testing.T) {
	t.Helper()
	root, err := mount.OpenPath("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	opened, err := h.asker.Open(t.Context(), time.Minute, root, ".")
	if err != nil {
		t.Fatal(err)
	}
	_ = opened.Close()
}

// testRepairer returns a repairer for the volume whose live client is mounted at a path.
func (h *Healer) testRepairer(t *testing.T, staging string) *repairer {
	t.Helper()
	r, err := h.open(t.Context(), fuseclient.Served{
		VolumeID: "id", Volume: "vol", StagingPath: staging, Client: "new", Device: deviceAt(t, staging), PID: 1 << 30, Alive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

// tableOf returns a container's table for a device.
func tableOf(t *testing.T, pid int, d mount.Device) tables.Table {
	t.Helper()
	table, err := tables.Read(pid, d)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func pointsOf(table tables.Table) []string {
	points := make([]string, len(table.Mounts))
	for i, m := range table.Mounts {
		points[i] = m.Point
	}
	slices.Sort(points)
	return points
}

func write(t *testing.T, elem ...string) {
	t.Helper()
	path := filepath.Join(elem...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(filepath.Base(path)), 0o600)); err != nil {
		t.Fatal(err)
	}
}
