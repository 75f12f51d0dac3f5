package storage

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestBareLab starts its own lab, without Kubernetes, and checks what is on its storage machines, and what is left after the
// whole lab is killed at once while a brick is mounted.
func TestBareLab(t *testing.T) {
	dir := build("e2e-storage-down")
	l, err := lab.Up(t.Context(), lab.Options{Dir: dir, Workers: true, BareStorage: true, EndWithCaller: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.End(dir); err != nil {
			t.Error(err)
		}
	})
	for i := 1; i <= lab.StorageNodes; i++ {
		isBare(t, l.Storage(i))
	}
	if running, err := l.Hub().Processes(t.Context(), "heketi"); err != nil || len(running) > 0 {
		t.Errorf("Heketi runs on the hub: %q, %v", running, err)
	}
	hostLacks(t, l.Storage(1))

	holdBrick(t, l.Storage(1))
	files := []uint64{
		inode(t, filepath.Join(l.BareDisk(1), "lvm", "brick.img")),
		inode(t, filepath.Join(l.BareDisk(1), "devices", "sdb")), inode(t, filepath.Join(l.BareDisk(3), "devices", "sdc")),
	}
	for _, file := range files {
		if !slices.Contains(attached(t), file) {
			t.Errorf("no loop device has the file with the inode %d", file)
		}
	}
	hub, err := l.Hub().Pid(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(hub, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := lab.End(dir); err != nil {
		t.Error(err)
	}
	for _, file := range files {
		if slices.Contains(attached(t), file) {
			t.Errorf("a loop device still has the file with the inode %d", file)
		}
	}
}

// isBare checks that a machine has no trace of a gluster server.
func isBare(t *testing.T, node *lab.Machine) {
	t.Helper()
	for _, program := range []string{"glusterd", "glusterfsd", "sshd"} {
		pids, err := node.Processes(t.Context(), program)
		if err != nil || len(pids) > 0 {
			t.Errorf("%s runs on %s: %q, %v", program, node.Name, pids, err)
		}
	}
	for _, dir := range []string{"/var/lib/glusterd", "/var/lib/heketi", "/etc/glusterfs", "/lib/modules"} {
		if out, err := node.Output(t.Context(), "ls", "-A", dir); err != nil || out != "" {
			t.Errorf("%s of %s has %q, %v, want an empty directory", dir, node.Name, out, err)
		}
	}
	for _, device := range lab.BareDevices() {
		if out, err := node.Output(t.Context(), "wipefs", "--noheadings", device); err != nil || out != "" {
			t.Errorf("%s of %s has %q, %v, want an empty block device", device, node.Name, out, err)
		}
	}
}

// hostLacks checks that the host has nothing that only a storage machine should have.
func hostLacks(t *testing.T, node *lab.Machine) {
	t.Helper()
	const mark = "/lib/modules/of-storage1"
	if _, err := node.Output(t.Context(), "touch", mark); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(lab.BareDevices(), mark) {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("the host has %s", path)
		}
	}
}

// holdBrick mounts a brick until the machine ends, as a pod does: the name of the loop device's file does not show that it
// belongs to the lab.
func holdBrick(t *testing.T, node *lab.Machine) {
	t.Helper()
	const script = `
mkdir /run/pod
mount --bind /run/lvm /run/pod
truncate --size=400M /run/pod/brick.img
device=$(losetup --find --show /run/pod/brick.img)
mkfs.xfs -q $device
mount $device /mnt
echo mounted
exec sleep 1000000`
	cmd := node.Command(t.Context(), "unshare", "--mount", "sh", "-ec", script)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // killed with the machine, or else at the end of the test
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
		t.Fatalf("the brick is not mounted: %q, %v", line, err)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// attached returns the inodes of the files behind loop devices.
func attached(t *testing.T) []uint64 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "losetup", "--list", "--noheadings", "--output", "BACK-INO").Output()
	if err != nil {
		t.Fatal(err)
	}
	var inodes []uint64
	for field := range strings.FieldsSeq(string(out)) {
		number, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		inodes = append(inodes, number)
	}
	return inodes
}
