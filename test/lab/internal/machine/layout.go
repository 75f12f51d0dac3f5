package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// Hub is the name of the machine that everything else hangs on.
const Hub = "hub"

const tagPrefix = "gfs-"

// otherLabs begins the name of each loop device that a machine of some lab has attached itself.
const otherLabs = "/run/" + tagPrefix

// Layout names the files of one lab directory. Both sides use it: the processes inside the machines see the lab
// directory under the same path as the host does.
type Layout struct {
	// Dir is the lab directory: absolute, without symbolic links.
	Dir string
}

// Tag is short and different for each lab directory. It begins the backing file name of each loop device of this lab:
// the kernel keeps only the first 63 bytes of that name, and it stays what it was when the machine is long gone.
func (l Layout) Tag() string {
	sum := sha256.Sum256([]byte(l.Dir))
	return tagPrefix + hex.EncodeToString(sum[:4])
}

// Cgroup is the control group of all pods of the lab, of the named machine's when name is not empty.
func (l Layout) Cgroup(name string) string { return filepath.Join("/", l.Tag(), name) }

// ClientCgroup is the top-level control group of the GlusterFS clients that node plugins start.
func (l Layout) ClientCgroup() string { return l.Tag() + "-clients" }

// WorkerDir holds what a Kubernetes node keeps on its disk. A machine that has one is such a node.
func (l Layout) WorkerDir(name string) string { return l.Path(name, "worker") }

// DiskDir holds what a storage machine that is a bare Kubernetes node keeps on its disk. A machine that has one is such a node.
func (l Layout) DiskDir(name string) string { return l.Path(name, "disk") }

// LoopPrefix begins the backing file name of each loop device of the named machine, or of all when name is empty. Loop
// devices that a pod has attached have other names; see Loops.
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

// Socket is where the init of the named machine takes orders.
func (l Layout) Socket(name string) string { return l.Path("run", name+".sock") }

// LogDir holds the logs of the named machine.
func (l Layout) LogDir(name string) string { return l.Path("log", name) }

// InitArgs is the command line of a machine's init, behind the program's name. The init of the hub is found by this
// command line, so nothing has to be written down that could be lost or stale.
func (l Layout) InitArgs(name string) []string {
	return []string{"machine", "--dir", l.Dir, "--name", name}
}
