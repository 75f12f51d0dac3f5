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

// holdBrick mounts a brick as a pod does, whose loop device has a name that says nothing about the lab.
const holdBrick = `
mkdir /run/pod
mount --bind /run/lvm /run/pod
truncate --size=400M /run/pod/brick.img
device=$(losetup --find --show /run/pod/brick.img)
mkfs.xfs -q $device
mount $device /mnt
echo mounted
exec sleep 1000000`

// TestNothingIsLeftOfAKilledLab has a lab without Kubernetes. All of it is killed at once while a brick is mounted.
func TestNothingIsLeftOfAKilledLab(t *testing.T) {
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
	cmd := l.Storage(1).Command(t.Context(), "unshare", "--mount", "sh", "-ec", holdBrick)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	if line != "mounted\n" {
		t.Fatalf("the brick is not mounted: %q, %v, %v", line, readErr, cmd.Wait())
	}
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
	_ = cmd.Wait() // killed with the hub
	if err := lab.End(dir); err != nil {
		t.Error(err)
	}
	for _, file := range files {
		if slices.Contains(attached(t), file) {
			t.Errorf("a loop device still has the file with the inode %d", file)
		}
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

// attached lists the inodes of the files that loop devices have.
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
