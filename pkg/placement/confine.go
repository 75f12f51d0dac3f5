package placement

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"sync/atomic"
	"unsafe"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// Confinement removes the privileges that a GlusterFS client does not need: a client trusts the servers that give it its volume
// file, so a malicious server must gain no more than access to the volume.
type Confinement struct {
	filter       []unix.SockFilter // calls of mount(2) wait for a mountGate
	unsupervised []unix.SockFilter // calls of mount(2) are allowed
	hidden       atomic.Bool       // this process cannot read the arguments of mount(2), so clients mount by themselves
}

// NewConfinement assembles the system call filters. This takes longer than apply, so it is done once.
func NewConfinement() (*Confinement, error) {
	filter, err := assemble(seccomp.ActionUserNotify)
	if err != nil {
		return nil, err
	}
	unsupervised, err := assemble(seccomp.ActionAllow)
	return &Confinement{filter: filter, unsupervised: unsupervised}, err
}

// assemble assembles a filter with the given action for calls of mount(2) that make a new mount.
func assemble(newMount seccomp.Action) ([]unix.SockFilter, error) {
	calls := policy(newMount)
	program, err := calls.Assemble()
	if err != nil {
		return nil, fmt.Errorf("assemble the filter of system calls: %w", err)
	}
	filter := make([]unix.SockFilter, len(program))
	for i, instruction := range program {
		raw, err := instruction.Assemble()
		if err != nil {
			return nil, fmt.Errorf("assemble the filter of system calls: %w", err)
		}
		filter[i] = unix.SockFilter{Code: raw.Op, Jt: raw.Jt, Jf: raw.Jf, K: raw.K}
	}
	return filter, nil
}

// Supervised reports whether clients in this container can mount only once. A container whose processes already have a supervisor
// (seccomp_unotify(2)), for example of the container runtime, cannot supervise its clients.
func (c *Confinement) Supervised() (bool, error) {
	place, err := c.Prepare(Client{Group: firstGroup})
	if err != nil {
		return false, err
	}
	defer place.Close()
	return place.gate != nil, nil
}

// Hidden is like Node.Hidden, for clients in this container. It starts the given program as it would start a client, and kills
// it. If the program cannot be started, Hidden returns nil: the start of a client then also fails, with the reason.
func (c *Confinement) Hidden(program *exec.Cmd) error {
	place, err := c.Prepare(Client{Group: firstGroup})
	if err != nil {
		return nil
	}
	defer place.Close()
	if err := place.Start(program); err != nil {
		return nil
	}
	err = c.learn(checkAccess(program.Process.Pid))
	_ = program.Process.Kill() // only its start matters
	_ = program.Wait()
	return err
}

// learn lets later clients keep the capability to mount if err is not nil, because they must then make their mounts themselves.
// It returns err.
func (c *Confinement) learn(err error) error {
	if err != nil {
		c.hidden.Store(true)
	}
	return err
}

// apply confines the calling thread and the processes that it starts. It cannot be undone, so the thread must be one that ends
// (package osthread). Each call of mount(2) waits for an answer through the returned gate, which the caller closes. The gate is nil
// if clients cannot be supervised.
func (c *Confinement) apply(client Client) (*mountGate, error) {
	if err := setGroup(client.Group); err != nil {
		return nil, fmt.Errorf("set the group %d: %w", client.Group, err)
	}
	listener, err := c.load()
	if err != nil {
		return nil, fmt.Errorf("restrict system calls: %w", err)
	}
	var gate *mountGate
	if listener != noListener {
		gate = &mountGate{listener, client.Mount, &c.hidden, make(chan error, 1)}
	}
	// The filter comes first, because load shows whether the client must mount by itself.
	if err := dropCapabilities(gate == nil || c.hidden.Load()); err != nil {
		if gate != nil {
			gate.close()
		}
		return nil, fmt.Errorf("drop capabilities: %w", err)
	}
	return gate, nil
}

// noListener is the result of load without supervision.
const noListener = -1

// load loads a filter, and returns the file descriptor of its listener.
func (c *Confinement) load() (listener int, err error) {
	if err := seccomp.SetNoNewPrivs(); err != nil {
		return noListener, err
	}
	listener, err = loadFilter(c.filter, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if !errors.Is(err, unix.EBUSY) {
		return listener, err
	}
	// A filter of this process already has a listener, and the kernel allows only one. A client that can mount is better than
	// none.
	_, err = loadFilter(c.unsupervised, 0)
	return noListener, err
}

// loadFilter is like LoadFilter of package seccomp, for a filter that is already assembled.
func loadFilter(filter []unix.SockFilter, flags uintptr) (listener int, err error) {
	// Before version 5.16, Linux slows down every process with a filter unless told that the process runs no foreign code.
	flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}                                                //nolint:gosec // some hundred instructions
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program))) //nolint:gosec // as in seccomp(2)
	if errno != 0 {
		return noListener, errno
	}
	return int(fd), nil
}

// neededCapabilities returns a client's capabilities. A client binds to a port below 1024 if a volume has server.allow-insecure
// off. A client that does not mount by itself has no CAP_SYS_ADMIN. It then lacks only what the kernel reserves for
// administrators: FUSE queues longer than max_user_bgreq (docs/parameters.md), open files beyond fs.file-max, and the last memory
// and pipes of a node that limits these.
func neededCapabilities(mounts bool) []uintptr {
	if mounts {
		return []uintptr{unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_ADMIN}
	}
	return []uintptr{unix.CAP_NET_BIND_SERVICE}
}

// dropCapabilities reduces the bounding set, from which root gets its capabilities at each exec, to neededCapabilities.
func dropCapabilities(mounts bool) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	for i := range sets {
		sets[i].Inheritable = 0 // inheritable ones would be added at exec
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return err
	}
	for capability := uintptr(0); ; capability++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil // the kernel has no more capabilities
		}
		if err == nil && has == 1 && !slices.Contains(neededCapabilities(mounts), capability) {
			err = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		}
		if err != nil {
			return err
		}
	}
}

// refused returns system calls that no client needs, and with which a process that may mount could leave its root directory,
// access other processes or change the node. A client without CAP_SYS_ADMIN gets the same filter: the kernel refuses it most of
// these calls anyway, but two barriers are better than one. Calls that the library's list lacks and calls of other architectures
// are refused as well. clone3 is allowed, because the place's thread starts the client with clone3. The filter cannot read the
// flags of clone3, which are in the memory of the process, so it also allows those that policy refuses for clone. Without
// CAP_SYS_ADMIN, the kernel refuses these flags, except the flag for user namespaces; see coverRoot.
func refused() []string {
	return []string{
		// Mounts and namespaces. With umount2, a client could uncover the files below /proc that change the node (tree.mountProc). A
		// client calls umount2 only at its end, and ignores the result.
		"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "pivot_root", "setns",
		"umount2", "unshare",
		// Access to files other than by name.
		"fanotify_init", "mknod", "mknodat", "name_to_handle_at", "open_by_handle_at", "quotactl", "quotactl_fd",
		// Other processes.
		"kcmp", "move_pages", "migrate_pages", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
		// The kernel and the machine.
		"acct", "adjtimex", "bpf", "clock_adjtime", "clock_settime", "delete_module", "finit_module", "init_module", "ioperm", "iopl",
		"kexec_file_load", "kexec_load", "perf_event_open", "reboot", "setdomainname", "sethostname", "settimeofday", "swapoff", "swapon",
		"syslog", "userfaultfd", "vhangup",
		// Keys, which have no namespaces, and io_uring, a second way to make system calls.
		"add_key", "keyctl", "request_key", "io_uring_enter", "io_uring_register", "io_uring_setup",
	}
}

// changeMount is the set of flags with which mount(2) changes an existing mount or mounts it again.
const changeMount = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_MOVE | unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE

// newNamespace is the set of flags with which clone(2) makes namespaces, as unshare does.
const newNamespace = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

func policy(newMount seccomp.Action) seccomp.Policy {
	var known []string
	if native, err := arch.GetInfo(""); err == nil { // if it fails, Assemble returns the error
		known = slices.Sorted(maps.Keys(native.SyscallNames))
	}
	without := func(call string, argument uint32, flags uint64) []seccomp.NameWithConditions {
		return []seccomp.NameWithConditions{{
			Name:       call,
			Conditions: []seccomp.Condition{{Argument: argument, Operation: seccomp.BitsNotSet, Value: flags}},
		}}
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		// The group of mount must be last: after a condition that is not met, the library compares the flags with the numbers of
		// the next group's calls. The refused flags of clone are larger than the number of mount, so they match nothing. A
		// refused flag of mount could equal the number of an allowed call.
		Syscalls: []seccomp.SyscallGroup{{
			Action: seccomp.ActionAllow,
			Names: slices.DeleteFunc(known, func(name string) bool {
				return name == "mount" || name == "clone" || slices.Contains(refused(), name)
			}),
			NamesWithCondtions: without("clone", 0, newNamespace),
		}, {
			Action:             newMount,
			NamesWithCondtions: without("mount", 3, changeMount),
		}},
	}
}
