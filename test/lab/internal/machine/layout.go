package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// Hub is the name of the machine on which all others depend.
const Hub = "hub"

const tagPrefix = "gfs-"

// otherLabs is the prefix of the backing file name of each loop device that a machine of any lab has attached, unless a pod on
// the machine did so.
const otherLabs = "/run/" + tagPrefix

// Layout names the files of one lab directory. The processes inside the machines see the lab directory under the same path as the
// host.
type Layout struct {
	// Dir is the lab directory: absolute, without symbolic links.
	Dir string
}

// Tag returns a short text that is different for each lab directory. The backing file name of each loop device of this lab begins
// with it, because the kernel keeps only the first 63 bytes of that name and keeps the name after the machine is gone.
func (l Layout) Tag() string {
	sum := sha256.Sum256([]byte(l.Dir))
	return tagPrefix + hex.EncodeToString(sum[:4])
}

// Cgroup returns the control group of all pods of the lab, or of the named machine's pods if name is not empty.
func (l Layout) Cgroup(name string) string { return filepath.Join("/", l.Tag(), name) }

// ClientCgroup returns the top-level control group of the GlusterFS clients that node plugins start.
func (l Layout) ClientCgroup() string { return l.Tag() + "-clients" }

// WorkerDir holds the disk of a Kubernetes node. Only such nodes have one.
func (l Layout) WorkerDir(name string) string { return l.Path(name, "worker") }

// DiskDir holds the disk of a bare storage machine, which is a Kubernetes node. Only such machines have one.
func (l Layout) DiskDir(name string) string { return l.Path(name, "disk") }

// LoopPrefix returns the prefix of the backing file name of each loop device of the named machine, or of all machines if name is
// empty. Loop devices that a pod has attached have other names; see Loops.
func (l Layout) LoopPrefix(name string) string {
	if name == "" {
		return "/run/" + l.Tag() + "/"
	}
	return "/run/" + l.Tag() + "/" + name + "/"
}

// Path joins elements below the lab directory.
func (l Layout) Path(elem ...string) string {
	return filepath.Join(append([]string{l.Dir}, elem...)...)
}

// SetupFile returns the path of the file that exists while the lab can be opened.
func (l Layout) SetupFile() string { return l.Path("lab.json") }

// Socket returns the path of the socket on which the init of the named machine takes orders.
func (l Layout) Socket(name string) string { return l.Path("run", name+".sock") }

// LogDir holds the logs of the named machine.
func (l Layout) LogDir(name string) string { return l.Path("log", name) }

// InitArgs returns the command line of a machine's init, without the program's name. The hub's init is found by this command
// line, so no record is needed that could be lost or stale.
func (l Layout) InitArgs(name string) []string {
	return []string{"machine", "--dir", l.Dir, "--name", name}
}
