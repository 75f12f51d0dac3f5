package placement

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

func newConfinement(t *testing.T) *Confinement {
	t.Helper()
	c, err := NewConfinement()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// capabilitiesOf returns the capabilities of a program that a thread starts, as lines of /proc/PID/status.
func capabilitiesOf(sets uint64) (lines []string) {
	for _, name := range []string{"CapPrm", "CapEff", "CapBnd"} {
		lines = append(lines, fmt.Sprintf("%s:\t%016x", name, sets))
	}
	return append(lines, "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000")
}

const (
	ofClient  = 1 << unix.CAP_NET_BIND_SERVICE
	ofMounter = ofClient | 1<<unix.CAP_SYS_ADMIN // a client that mounts by itself
)

// TestConfinedProgram: root has a separate group and one capability, and gets no more from the programs that it runs.
func TestConfinedProgram(t *testing.T) {
	confinement := newConfinement(t)
	var status []byte
	if err := osthread.Run(func() (err error) {
		gate, err := confinement.apply(Client{Group: firstGroup})
		if err != nil {
			return err
		}
		defer gate.close()
		status, err = exec.Command("cat", "/proc/self/status").Output()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(capabilitiesOf(ofClient),
		"Uid:\t0\t0\t0\t0", "Gid:\t2013265920\t2013265920\t2013265920\t2013265920", "NoNewPrivs:\t1", "Seccomp:\t2",
	) {
		if !strings.Contains(string(status), want+"\n") {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if own, err := os.ReadFile("/proc/self/status"); err != nil || strings.Contains(string(own), "CapBnd:\t0000000000000400") || strings.Contains(string(own), "2013265920") {
		t.Errorf("this process, too: %v\n%s", err, own)
	}
}

// TestRefusedCalls uses arguments that the kernel would refuse with another error if it examined them.
func TestRefusedCalls(t *testing.T) {
	native, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	numbers := native.SyscallNames
	dir, confinement := t.TempDir(), newConfinement(t)
	if err := osthread.Run(func() error {
		gate, err := confinement.apply(Client{Mount: dir})
		if err != nil {
			return err
		}
		made := make(chan error, 1)
		go func() { made <- gate.mountOnce() }()
		for _, name := range refused() {
			number, known := numbers[name]
			if !known && (native.Name == "x86_64" || name != "ioperm" && name != "iopl") {
				t.Errorf("%s is no system call", name)
				continue
			}
			const no = ^uintptr(0)
			if _, _, errno := unix.Syscall6(uintptr(number), no, no, no, no, no, no); known && errno != unix.EPERM {
				t.Errorf("%s: %v", name, errno)
			}
		}
		for name, flags := range map[string]uintptr{"bind": unix.MS_BIND, "remount": unix.MS_REMOUNT | unix.MS_BIND, "move": unix.MS_MOVE, "shared": unix.MS_SHARED | unix.MS_REC} {
			if err := unix.Mount(dir, dir, "", flags, ""); !errors.Is(err, unix.EPERM) {
				t.Errorf("mount %s: %v", name, err)
			}
		}
		// The kernel refuses CLONE_THREAD alone, so no process is made.
		for flags, want := range map[uintptr]unix.Errno{
			0: unix.EINVAL, unix.CLONE_NEWNS: unix.EPERM, unix.CLONE_NEWCGROUP: unix.EPERM, unix.CLONE_NEWUTS: unix.EPERM,
			unix.CLONE_NEWIPC: unix.EPERM, unix.CLONE_NEWUSER: unix.EPERM, unix.CLONE_NEWPID: unix.EPERM, unix.CLONE_NEWNET: unix.EPERM,
		} {
			if _, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_THREAD|flags, 0, 0, 0, 0, 0); errno != want {
				t.Errorf("clone %#x: %v, want %v", flags, errno, want)
			}
		}
		fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer fuse.Close()
		// A client's mount. The type and the path of the call are ignored: a client that was taken over might choose them.
		options := fmt.Sprintf("rootmode=40000,fd=%d,user_id=0,group_id=0", fuse.Fd())
		err = errors.Join(unix.Mount("client", "/elsewhere", "proc", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOATIME, options), <-made)
		if top, topErr := mount.Top(dir); top == nil || top.FSType != mount.FSType || top.Source != "client" || !mount.IsReadOnly(top) {
			t.Errorf("mounted: %+v, %v", top, topErr)
		}
		for _, fsType := range []string{"devtmpfs", "proc", "cgroup2", "tmpfs"} { // a client mounts only once
			if err := unix.Mount("again", dir, fsType, 0, ""); !errors.Is(err, unix.ENOSYS) {
				t.Errorf("mount %s: %v", fsType, err)
			}
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
}

// TestContainerWithASupervisor: a container whose processes already have a supervisor cannot have another one. Clients are started
// there all the same, and keep the capability to mount.
func TestContainerWithASupervisor(t *testing.T) {
	dir, confinement := t.TempDir(), newConfinement(t)
	if supervised, err := confinement.Supervised(); !supervised || err != nil {
		t.Errorf("without a supervisor: %t, %v", supervised, err)
	}
	if err := osthread.Run(func() error {
		supervisor, err := loadFilter([]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
		if err != nil {
			return err
		}
		defer unix.Close(supervisor)
		gate, err := confinement.apply(Client{})
		if gate != nil {
			t.Error("it has two supervisors")
		}
		err = errors.Join(err, unix.Mount("client", dir, "tmpfs", 0, ""))
		for name, other := range map[string]error{"unmount": unix.Unmount(dir, 0), "remount": unix.Mount("", dir, "", unix.MS_REMOUNT, "")} {
			if !errors.Is(other, unix.EPERM) {
				t.Errorf("%s: %v", name, other)
			}
		}
		status, statusErr := exec.Command("cat", "/proc/self/status").Output()
		for _, want := range capabilitiesOf(ofMounter) {
			if !strings.Contains(string(status), want+"\n") {
				t.Errorf("no %q in\n%s", want, status)
			}
		}
		return errors.Join(err, statusErr)
	}); err != nil {
		t.Error(err)
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
}

// TestConfineNeedsRights: a container without privileges cannot confine clients, so none is started unconfined.
func TestConfineNeedsRights(t *testing.T) {
	leavesNoDescriptor(t)
	confinement := newConfinement(t)
	if err := osthread.Run(func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var sets [2]unix.CapUserData
		if err := unix.Capget(&header, &sets[0]); err != nil {
			return err
		}
		sets[0].Effective &^= 1 << unix.CAP_SETPCAP
		if err := unix.Capset(&header, &sets[0]); err != nil {
			return err
		}
		if _, err := confinement.apply(Client{}); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "drop capabilities") {
			t.Errorf("%v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestPlaceWithoutProcess: a place that is closed allows no mount, and one whose process ends without a mount leaves nothing.
func TestPlaceWithoutProcess(t *testing.T) {
	leavesNoDescriptor(t)
	dir := t.TempDir()
	place, err := newConfinement(t).Prepare(Client{})
	if err != nil {
		t.Fatal(err)
	}
	place.gate.close()
	place.gate = nil
	if err := place.thread.Do(func() error { return unix.Mount("client", dir, "tmpfs", 0, "") }); !errors.Is(err, unix.ENOSYS) {
		t.Error(err)
	}
	place.Close()
	for range 2 {
		place, err := newConfinement(t).Prepare(Client{})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("true")
		if err := errors.Join(place.Start(cmd), cmd.Wait()); err != nil {
			t.Fatal(err)
		}
		place.Close()
	}
	place, err = newConfinement(t).Prepare(Client{})
	if err != nil {
		t.Fatal(err)
	}
	place.Close()
}
