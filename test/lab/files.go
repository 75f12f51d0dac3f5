package lab

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/deploy/gluster"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// The stand-ins are part of the binary, so that a lab depends on nothing but its own directory.
//
//go:embed standin
var standins embed.FS

func storageName(i int) string { return fmt.Sprintf("storage%d", i) }
func nodeName(i int) string    { return fmt.Sprintf("node%d", i) }
func storageIP(i int) string   { return fmt.Sprintf("10.77.0.1%d", i) }
func nodeIP(i int) string      { return fmt.Sprintf("10.77.0.2%d", i) }

// writeFiles makes the lab directory. It removes the logs of an earlier lab, which Down keeps.
func (l *Lab) writeFiles(ctx context.Context) error {
	path := l.layout.Path
	if err := os.RemoveAll(path("log")); err != nil {
		return err
	}
	dirs := []string{path("run"), path("csi"), path("ssh"), path("heketi"), path("standin"), path("controller"), l.layout.LogDir(machine.Hub)}
	hosts := []string{"127.0.0.1 localhost", "::1 localhost", machine.HubIP + " " + machine.Hub}
	for i := 1; i <= l.storageMachines(); i++ {
		name := storageName(i)
		dirs = append(dirs, l.storageDirs(name)...)
		hosts = append(hosts, storageIP(i)+" "+name)
	}
	for i := 1; i <= ClientNodes; i++ {
		name := nodeName(i)
		dirs = append(dirs, l.layout.LogDir(name), path(name, "state"), path(name, "kubelet"))
		hosts = append(hosts, nodeIP(i)+" "+name)
		if l.setup.Workers {
			dirs = append(dirs, l.layout.WorkerDir(name))
		}
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(path("hosts"), []byte(strings.Join(hosts, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if l.setup.ClientFiles != "" {
		if err := os.Symlink(l.setup.ClientFiles, l.layout.ClientFiles()); err != nil {
			return err
		}
	}
	if l.BareStorage() {
		return l.bareFiles()
	}
	return l.serverFiles(ctx)
}

func (l *Lab) storageDirs(name string) []string {
	dirs := []string{l.layout.LogDir(name)}
	if l.BareStorage() {
		return append(dirs, l.bareDirs(name)...)
	}
	return append(dirs, l.layout.Path(name, "lvm"), l.layout.Path(name, "glusterd"), l.layout.Path(name, "heketi"))
}

// serverFiles makes the files of glusterd, sshd, Heketi and the driver.
func (l *Lab) serverFiles(ctx context.Context) error {
	for i := 1; i <= StorageNodes; i++ {
		if err := l.storageFiles(storageName(i)); err != nil {
			return err
		}
	}
	if err := l.standinFiles(); err != nil {
		return err
	}
	if err := l.sshFiles(ctx); err != nil {
		return err
	}
	if err := l.Heketi().writeFiles(); err != nil {
		return err
	}
	return l.driverFiles()
}

// storageFiles gives glusterd the option groups of its package ("gluster volume set V group virt"), and the hook that gluster
// servers should have. The package's hooks are left out on purpose: they change Samba, CTDB and /etc/fstab of the machine.
func (l *Lab) storageFiles(name string) error {
	hooks := l.layout.Path(name, "glusterd", "hooks", "1", "add-brick", "pre")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(hooks, gluster.KeepDirectoriesName), gluster.KeepDirectories, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(l.layout.Path(name, "heketi", "fstab"), nil, 0o644); err != nil {
		return err
	}
	const groups = "/var/lib/glusterd/groups"
	if _, err := os.Stat(groups); err != nil {
		return fmt.Errorf("package glusterfs-server is not complete: %w", err)
	}
	return os.CopyFS(l.layout.Path(name, "glusterd", "groups"), os.DirFS(groups))
}

func (l *Lab) standinFiles() error {
	return fs.WalkDir(standins, "standin", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := standins.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(l.layout.Path("standin", filepath.Base(path)), data, 0o755)
	})
}

// sshFiles makes the keys with which Heketi reaches the storage machines. They are ed25519 keys, because Heketi's ssh library
// signs RSA only with SHA-1, which OpenSSH refuses.
func (l *Lab) sshFiles(ctx context.Context) error {
	for _, name := range []string{"key", "host"} {
		cmd := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", l.layout.Path("ssh", name))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	config := []string{
		"Port 22",
		"HostKey " + l.layout.Path("ssh", "host"),
		"AuthorizedKeysFile " + l.layout.Path("ssh", "key.pub"),
		"PermitRootLogin prohibit-password",
		"StrictModes no",
		"UsePAM no",
		"UseDNS no",
		"PrintMotd no",
		"PidFile /run/sshd.pid",
		"MaxStartups 100",
		"MaxSessions 100",
		// HOME: bash reads ~/.bashrc for a remote command, which can take a second on a developer's machine. TEST_*, QA_CHECK_FS:
		// without them mkfs.xfs refuses bricks below 300 MB, which arbiters have.
		"SetEnv HOME=/run PATH=" + machine.StoragePath(l.layout) + " TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1",
	}
	return os.WriteFile(l.layout.Path("ssh", "sshd_config"), []byte(strings.Join(config, "\n")+"\n"), 0o644)
}
