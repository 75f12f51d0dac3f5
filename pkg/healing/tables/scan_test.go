package tables_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestScan: the tables of this namespace and of containers are returned, each with the mounts inside the volume there.
func TestScan(t *testing.T) {
	base := t.TempDir()
	volume := filepath.Join(base, "a volume")
	dev := mountTmpfs(t, volume)
	dir(t, volume, "tmp/deep")
	dir(t, volume, "sub")
	private := mounttest.Container(t, "private")
	mounttest.Inside(t, private, func() error {
		data := filepath.Join(base, "data")
		return errors.Join(os.Mkdir(data, 0o755),
			unix.Mount("emptydir", filepath.Join(volume, "tmp"), "tmpfs", 0, ""),
			os.Mkdir(filepath.Join(volume, "tmp/deep"), 0o755),
			unix.Mount("secret", filepath.Join(volume, "tmp/deep"), "tmpfs", unix.MS_RDONLY, ""),
			unix.Mount(filepath.Join(volume, "sub"), data, "", unix.MS_BIND, ""),
			unix.Mount("", data, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOEXEC, ""),
			os.Remove(filepath.Join(volume, "sub")))
	})
	without := mounttest.Container(t, "private")
	mounttest.Inside(t, without, func() error { return unix.Unmount(volume, 0) })

	found := scan(t, dev)
	if len(found) != 2 {
		t.Fatalf("%d tables: %+v", len(found), found)
	}
	own, theirs := found[0], found[1]
	if own.PID != os.Getpid() || own.Start != start(t, own.PID) || points(own.Mounts) != volume || own.Pod != "" {
		t.Errorf("own table: %+v", own)
	}
	if theirs.PID != private || theirs.Start != start(t, private) || theirs.Namespace == own.Namespace || theirs.Namespace == 0 || own.Namespace == 0 {
		t.Errorf("the container's table: %+v", theirs)
	}
	all := theirs.Volume(dev)
	if len(all) != 2 || all[0].Point != volume || all[0].Deleted || all[0].Root != "/" || all[0].Source != "server:/volume" || all[0].FSType != "tmpfs" {
		t.Fatalf("the volume's mounts: %+v", all)
	}
	if sub := all[1]; sub.Root != "/sub" || !sub.Deleted || sub.Point != filepath.Join(base, "data") || !strings.HasPrefix(sub.Options, "ro,noexec") {
		t.Errorf("the bind of a directory that was removed: %+v", sub)
	}
	nested := theirs.Nested(all[0])
	if got := points(nested); got != filepath.Join(volume, "tmp")+" "+filepath.Join(volume, "tmp/deep") {
		t.Fatalf("nested: %q", got)
	}
	if nested[0].Source != "emptydir" || nested[0].Parent != all[0].ID || nested[1].Parent != nested[0].ID || nested[1].Options != "ro,relatime" {
		t.Errorf("nested: %+v", nested)
	}
	if got := theirs.Nested(all[1]); len(got) != 0 {
		t.Errorf("nested in the bind: %+v", got)
	}
	again, err := tables.Read(private, dev)
	if err != nil || points(again.Mounts) != points(theirs.Mounts) || again.Target() != theirs.Target() {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if got, err := tables.Read(without, dev); err != nil || got.PID != without || got.Namespace == 0 || len(got.Mounts) != 0 {
		t.Errorf("a namespace without the volume: %+v, %v", got, err)
	}
	if got, err := tables.Scan(nil); err != nil || len(got) != 0 {
		t.Errorf("without a device: %+v, %v", got, err)
	}
}

// TestPropagation: the table has the propagation with which a mount must be made again.
func TestPropagation(t *testing.T) {
	kubelet := dir(t, t.TempDir(), "kubelet")
	mountTmpfs(t, kubelet)
	if err := unix.Mount("", kubelet, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	volume := filepath.Join(kubelet, "volume")
	dev := mountTmpfs(t, volume)
	want := map[int]string{os.Getpid(): "shared:", mounttest.Container(t, "private"): "", mounttest.Container(t, "slave"): "master:", mounttest.Container(t, "shared"): "shared:"}
	for _, table := range scan(t, dev) {
		begins, known := want[table.PID]
		if got := table.Mounts[0].Propagation; !known || !strings.HasPrefix(got, begins) || got == "" != (begins == "") {
			t.Errorf("process %d: %q, want %q", table.PID, got, begins)
		}
		delete(want, table.PID)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// TestScanSeesWholeNamespaces: a process with another root directory sees only a part, and a process that has ended sees nothing.
func TestScanSeesWholeNamespaces(t *testing.T) {
	root := dir(t, t.TempDir(), "root")
	if err := unix.Mount("/", root, "", unix.MS_BIND, ""); err != nil { // the root has programs
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	volume := filepath.Join(root, "mnt")
	dev := mountTmpfs(t, volume)
	whole := mounttest.Container(t, "private")
	third := beside(t, whole, "chroot", root, "/bin/sleep", "infinity")
	for link := "/"; link == "/"; link, _ = os.Readlink(fmt.Sprintf("/proc/%d/root", third)) {
		time.Sleep(time.Millisecond)
	}
	first, second := beside(t, whole, "/bin/sleep", "infinity"), beside(t, whole, "/bin/sleep", "infinity")
	endProcess(t, whole)
	for _, want := range []struct {
		pid   int
		point string
	}{{first, volume}, {second, volume}, {third, "/mnt"}} {
		found := scan(t, dev)
		if len(found) != 2 || found[1].PID != want.pid || found[1].Mounts[0].Point != want.point {
			t.Errorf("%+v; want process %d", found, want.pid)
		}
		endProcess(t, want.pid)
		if _, err := tables.Read(want.pid, dev); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a process that has ended: %v", err)
		}
	}
	if found := scan(t, dev); len(found) != 1 {
		t.Errorf("without a process: %+v", found)
	}
}

// TestReadWithoutFirstThread: the table of a process that is a zombie but still has threads cannot be read.
func TestReadWithoutFirstThread(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pid := beside(t, os.Getpid(), self, "leaderless")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(stat), ") Z ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s, %v", stat, err)
		}
	}
	if table, err := tables.Read(pid, anyDevice); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", table, err)
	}
	w, reports := watching(t)
	gone := tables.Target{PID: pid, Start: start(t, pid)}
	set(t, w, gone)
	if got := next(t, reports); got != (seen{gone, true}) {
		t.Errorf("watched: %+v", got)
	}
	if _, err := tables.Scan([]mount.Device{anyDevice}); err != nil {
		t.Error(err)
	}
}

// TestScanWithoutRights: without privileges the namespaces of processes are not visible and cannot be entered, although their
// mounts can be read.
func TestScanWithoutRights(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	dev := mountTmpfs(t, volume)
	mounttest.Container(t, "private")
	beside(t, os.Getpid(), "/bin/sleep", "infinity")
	mounttest.WithoutRight(t, unix.CAP_SYS_PTRACE, func() {
		found := scan(t, dev)
		if len(found) != 1 || found[0].PID != os.Getpid() {
			t.Errorf("%+v", found)
		}
	})
}

// TestOpen: a table's process is opened only while it is the same process in the same namespace.
func TestOpen(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	dev := mountTmpfs(t, volume)
	pid := mounttest.Container(t, "private")
	table, err := tables.Read(pid, dev)
	if err != nil {
		t.Fatal(err)
	}
	unseen := table
	unseen.Namespace = 0 // as if namespaces were not visible
	pidfd, err := unseen.Open()
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(pidfd)
	if pidfd, err = table.Open(); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := mount.InMountNamespace(pid, pidfd, func() error { return unix.Unmount(volume, 0) }); err != nil {
		t.Error(err)
	}
	before := mounttest.Descriptors(t)
	another, moved := table, table
	another.Start--
	moved.Namespace--
	for name, table := range map[string]tables.Table{"another process": another, "another namespace": moved} {
		if _, err := table.Open(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	endProcess(t, pid)
	if _, err := table.Open(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that has ended: %v", err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
}

// TestScanInDoubt: an error is never reported as a node without mounts.
func TestScanInDoubt(t *testing.T) {
	devices := []mount.Device{anyDevice}
	restore := mounttest.HideProc(t)
	_, err := tables.Scan(devices)
	restore()
	if err == nil {
		t.Error("without /proc: no error")
	}
	for more := range 3 {
		restore := mounttest.LimitDescriptors(t, more)
		_, err := tables.Scan(devices)
		_, readErr := tables.Read(os.Getpid(), devices[0])
		restore()
		if more < 2 && (!errors.Is(err, unix.EMFILE) || !errors.Is(readErr, unix.EMFILE)) || more == 2 && err != nil {
			t.Errorf("with %d descriptors: %v, %v", more, err, readErr)
		}
	}
}

// TestScanLeavesOtherUsersAlone: a mount namespace that belongs to another user namespace is skipped. The kernel has locked the
// flags of its mounts; mounts made from outside would not have locked flags.
func TestScanLeavesOtherUsersAlone(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	dev := mountTmpfs(t, volume)
	mounttest.OtherUser(t)
	if found := scan(t, dev); len(found) != 1 || found[0].PID != os.Getpid() {
		t.Errorf("%+v", found)
	}
}

// TestContinues: the kernel reuses the numbers of namespaces, processes and mounts.
func TestContinues(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	dev := mountTmpfs(t, volume)
	pid := mounttest.Container(t, "private")
	table, err := tables.Read(pid, dev)
	if err != nil {
		t.Fatal(err)
	}
	other := beside(t, pid, "/bin/sleep", "infinity")
	now, err := tables.Read(other, dev)
	if err != nil {
		t.Fatal(err)
	}
	before := mounttest.Descriptors(t)
	if !table.Continues(table) || !now.Continues(table) {
		t.Error("the same namespace is not recognized")
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	changed := func(table tables.Table, change func(*tables.Table)) tables.Table {
		table.Mounts = append([]tables.Mount(nil), table.Mounts...)
		change(&table)
		return table
	}
	ended := changed(table, func(t *tables.Table) { t.Start-- })
	if table.Continues(ended) {
		t.Error("an earlier process with the same number counts")
	}
	if !now.Continues(ended) {
		t.Error("a process that has ended, but whose mounts still exist, does not count")
	}
	for name, then := range map[string]tables.Table{
		"another pod":       changed(ended, func(t *tables.Table) { t.Pod = "other" }),
		"another namespace": changed(table, func(t *tables.Table) { t.Namespace++ }),
		"other mounts":      changed(ended, func(t *tables.Table) { t.Mounts[0].ID++ }),
		"another parent":    changed(ended, func(t *tables.Table) { t.Mounts[0].Parent++ }),
	} {
		if now.Continues(then) {
			t.Errorf("%s counts as the same namespace", name)
		}
	}
	unseen := tables.Table{PID: 1, Start: 1}
	if !unseen.Continues(unseen) || unseen.Continues(tables.Table{PID: 2}) {
		t.Error("without visible namespaces, processes must identify them")
	}
}

func TestSelect(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	dev := mountTmpfs(t, volume)
	for _, pid := range []int{os.Getpid(), mounttest.Container(t, "private")} {
		found, err := tables.Select(pid, func(_ int, device, fsType string) bool { return device == dev.String() && fsType == "tmpfs" })
		if err != nil || points(found) != volume {
			t.Errorf("%+v, %v", found, err)
		}
	}
	if _, err := tables.Select(1<<22, func(int, string, string) bool { return true }); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
