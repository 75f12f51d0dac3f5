package contents

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// heketisCommands lists the commands that Heketi 10.3.0 runs on a gluster server, each with the package or file that runs it.
// gluster-block is left out: the storage has no block volumes.
var heketisCommands = map[string]string{
	"bash": "pkg/remoteexec/kube", "timeout": "pkg/remoteexec/kube",
	"gluster": "executors/cmdexec", "systemctl": "executors/cmdexec/peer.go",
	"/usr/sbin/lvm": "executors/cmdexec/cmdexec.go", "/usr/bin/udevadm": "executors/cmdexec/cmdexec.go",
	"wipefs": "executors/cmdexec/device.go", "rmdir": "executors/cmdexec/device.go",
	"mkdir": "executors/cmdexec/brick.go", "mkfs.xfs": "executors/cmdexec/brick.go", "awk": "executors/cmdexec/brick.go",
	"mount": "executors/cmdexec/brick.go", "umount": "executors/cmdexec/brick.go", "chown": "executors/cmdexec/brick.go",
	"chmod": "executors/cmdexec/brick.go", "sed": "executors/cmdexec/brick.go", "cat": "executors/cmdexec/brick.go",
	"lsof": "executors/cmdexec/brick.go",
}

// otherCommands lists the commands that glusterd, its hooks, LVM and administrators run.
var otherCommands = map[string]string{
	"glusterd": "the container", "glusterfsd": "glusterd", "glusterfs": "glusterd", "xfs_info": "glusterd (volume status detail)",
	"mount.glusterfs": "the hook for subdirectories", "getopt": "the hooks", "getfattr": "the hooks", "setfattr": "the hooks",
	"modprobe": "LVM", "thin_check": "LVM", "thin_repair": "LVM",
	"xfs_growfs": "administrators", "xfs_repair": "administrators", "losetup": "administrators", "findmnt": "administrators",
}

// TestGluster runs all checks on one unpacked image.
func TestGluster(t *testing.T) {
	gluster := unpackImage(t, "gluster")
	for name, test := range map[string]func(*testing.T, image){
		"how it starts":         glusterStarts,
		"commands":              hasCommands,
		"no udev for LVM":       expectsNoUdev,
		"systemctl":             answersForGlusterd,
		"small bricks":          makesSmallBricks,
		"templates":             hasTemplates,
		"the bill of materials": listsServers,
	} {
		t.Run(name, func(t *testing.T) { test(t, gluster) })
	}
}

func glusterStarts(t *testing.T, gluster image) {
	t.Helper()
	checkImage(t, gluster, "gluster", config{Entrypoint: []string{"/glusterfs-storage"}, Cmd: []string{"gluster"}})
}

func listsServers(t *testing.T, _ image) {
	t.Helper()
	checkBill(t, "gluster", "github.com/glusterfs-csi/glusterfs-csi", "std", "glusterfs-server", "lvm2")
}

func hasCommands(t *testing.T, gluster image) {
	t.Helper()
	var script strings.Builder
	for _, commands := range []map[string]string{heketisCommands, otherCommands} {
		for command, caller := range commands {
			fmt.Fprintf(&script, "command -v %s >/dev/null || echo '%s, which is called by %s'\n", command, command, caller)
		}
	}
	for command := range strings.FieldsSeq("pvcreate pvremove pvs vgcreate vgremove vgdisplay vgchange vgs lvcreate lvremove lvs") {
		fmt.Fprintf(&script, "lvm help %s >/dev/null 2>&1 || echo 'lvm %s'\n", command, command)
	}
	script.WriteString(`find /usr/lib/*/glusterfs /usr/sbin/gluster* -name '*.so' -o -type f -perm /111 | xargs ldd 2>/dev/null | grep 'not found'; true`)
	if out, err := gluster.inside(t, script.String()); err != nil || out != "" {
		t.Errorf("%v; missing are:\n%s", err, out)
	}
	if out, err := gluster.inside(t, "glusterd --version"); err != nil || !strings.Contains(out, "glusterfs 10.") {
		t.Errorf("%v: %s", err, out)
	}
}

func expectsNoUdev(t *testing.T, gluster image) {
	t.Helper()
	for _, want := range []string{
		"activation/udev_sync=0", "activation/udev_rules=0", "activation/monitoring=0",
		"devices/obtain_device_list_from_udev=0", `devices/hints="none"`, "devices/use_devicesfile=0",
		"global/use_lvmpolld=0", "global/notify_dbus=0",
	} {
		setting, _, _ := strings.Cut(want, "=")
		_, value, _ := strings.Cut(want, "/")
		out, err := gluster.inside(t, "lvm lvmconfig --typeconfig full "+setting+" 2>/dev/null")
		if err != nil || strings.TrimSpace(out) != value {
			t.Errorf("%s: %v: %s, want %s", setting, err, out, value)
		}
	}
	if out, err := gluster.inside(t, "lvm lvmconfig --validate"); err != nil || !strings.Contains(out, "LVM configuration valid") {
		t.Errorf("%v: %s", err, out)
	}
}

// answersForGlusterd checks the answers of systemctl while another program runs under the name of glusterd.
func answersForGlusterd(t *testing.T, gluster image) {
	t.Helper()
	const (
		start = `cp /bin/sleep /tmp/glusterd && { /tmp/glusterd 60 & } && `
		// The program's parent is replaced by one that does not reap it.
		ended = `cp /bin/sleep /tmp/glusterd && { sh -c '/tmp/glusterd 0 & exec sleep 60' & } && ` +
			`until grep -qs 'State:.*Z' /proc/[0-9]*/status; do sleep 0.1; done; `
	)
	for name, tt := range map[string]struct{ script, says string }{
		"no glusterd":        {"systemctl status glusterd; [ $? = 3 ]", "inactive"},
		"glusterd":           {start + "systemctl status glusterd", "active (running)"},
		"asked otherwise":    {start + "systemctl is-active glusterd.service", "active (running)"},
		"glusterd has ended": {ended + "systemctl status glusterd; [ $? = 3 ]", "inactive"},
		"anything else":      {"systemctl restart glusterd; [ $? = 1 ]", "cannot do: restart glusterd"},
	} {
		if out, err := gluster.inside(t, tt.script); err != nil || !strings.Contains(out, tt.says) {
			t.Errorf("%s: %v: %q does not say %q", name, err, out, tt.says)
		}
	}
}

func makesSmallBricks(t *testing.T, gluster image) {
	t.Helper()
	const script = `rm -f /tmp/brick && truncate -s SIZE /tmp/brick && mkfs.xfs -i size=512 -n size=8192 /tmp/brick && [ "$(blkid -o value -s TYPE /tmp/brick)" = xfs ]`
	for _, size := range []string{"16M", "256M", "1G"} {
		if out, err := gluster.inside(t, strings.ReplaceAll(script, "SIZE", size)); err != nil {
			t.Errorf("%s: %v: %s", size, err, out)
		}
	}
}

func hasTemplates(t *testing.T, gluster image) {
	t.Helper()
	const templates = "usr/share/glusterfs-storage"
	for name, mode := range map[string]os.FileMode{
		"etc-glusterfs/glusterd.vol":                                 0o644,
		"glusterd/groups/virt":                                       0o644,
		"glusterd/hooks/1/add-brick/pre/S10keep-directories.sh":      0o755,
		"glusterd/hooks/1/add-brick/post/S13create-subdir-mounts.sh": 0o755,
	} {
		if info, err := gluster.stat(filepath.Join(templates, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, mode %v, want %v", name, err, info, mode)
		}
	}
	for _, pattern := range []string{"etc/glusterfs/*", "var/lib/glusterd/*", templates + "/glusterd/hooks/1/*/*/S*samba*"} {
		if found, err := filepath.Glob(filepath.Join(gluster.root, pattern)); err != nil || len(found) > 0 {
			t.Errorf("%s: %v %q, want none", pattern, err, found)
		}
	}
}
