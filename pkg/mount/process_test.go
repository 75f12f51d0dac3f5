package mount_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestOpenProcess(t *testing.T) {
	self, err := mount.IdentifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	zombie := inNamespace(t)
	ended, err := mount.IdentifyProcess(zombie)
	if err != nil {
		t.Fatal(err)
	}
	endAsZombie(t, zombie)
	before := mounttest.Descriptors(t)
	for name, p := range map[string]mount.Process{
		"none":                       {},
		"the same number used again": {PID: self.PID, Start: self.Start + 1},
		"no such process":            {PID: 1 << 22, Start: self.Start},
		"a zombie":                   ended,
	} {
		if pidfd, err := p.Open(); pidfd != -1 || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: pidfd %d, %v", name, pidfd, err)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	pidfd, err := self.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	for name, prepare := range map[string]func() (restore func()){
		"/proc":        func() func() { return mounttest.HideProc(t) },
		"a descriptor": func() func() { return mounttest.LimitDescriptors(t, 0) },
	} {
		restore := prepare()
		_, err = self.Open()
		restore()
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s, a live process: %v; want an error that does not say that it has ended", name, err)
		}
	}
}

// TestIdentifyProcess: the start time distinguishes two processes with the same number.
func TestIdentifyProcess(t *testing.T) {
	defer mounttest.HideProc(t)()
	if err := os.Mkdir("/proc/7", 0o755); err != nil {
		t.Fatal(err)
	}
	const before = "7 (a) name) S 1 7 7 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0"
	for stat, want := range map[string]uint64{before + " 4711 0\n": 4711, before + " 4711": 4711, before: 0, before + " x": 0, "": 0} {
		if err := os.WriteFile("/proc/7/stat", []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := mount.IdentifyProcess(7); (err == nil) != (want != 0) || p.Start != want {
			t.Errorf("%q: %+v, %v; want %d", stat, p, err, want)
		}
	}
}
