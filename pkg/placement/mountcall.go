package placement

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

var (
	// errNotAsked is returned when the process that called mount(2) has been killed or interrupted.
	errNotAsked = errors.New("the process does not wait for a mount")
	// errHidden is returned when a security module hides the client's memory from this process, as Yama does with ptrace_scope 3.
	// The client's own call then continues; it succeeds only if the client has kept CAP_SYS_ADMIN. A client lacks that capability
	// if the security module was not noticed before. Its start then fails, and the next clients keep the capability.
	errHidden = errors.New("the arguments of mount(2) cannot be read")
)

// deviceOption matches the option that names the file descriptor of /dev/fuse.
var deviceOption = regexp.MustCompile(`(?:^|,)fd=([^,]*)`)

// memoryOf returns the path of the file with the memory of a thread. process_vm_readv(2) would need a kernel with
// CONFIG_CROSS_MEMORY_ATTACH, which the kernel of Flatcar Container Linux lacks.
func memoryOf(thread int) string { return fmt.Sprintf("/proc/%d/mem", thread) }

// hidden wraps err in errHidden if it means that access to the memory of a process is refused. It returns other errors unchanged,
// because a client could cause them, for example with an address that has no memory.
func hidden(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%w: %w", errHidden, err)
	}
	return err
}

// checkAccess returns an errHidden if this process may not read the memory of a process that it has started and not yet waited
// for. If that process has ended, its memory is gone. So checkAccess also tries to get a file of the process: this needs the same
// right, which the kernel checks even then.
func checkAccess(process int) error {
	memory, err := os.Open(memoryOf(process))
	if err == nil {
		_ = memory.Close()
	}
	if err = hidden(err); errors.Is(err, errHidden) {
		return err
	}
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return nil // nothing is known
	}
	defer unix.Close(pidfd)
	file, err := unix.PidfdGetfd(pidfd, 0, 0)
	if err == nil {
		_ = unix.Close(file)
	}
	if err = hidden(err); errors.Is(err, errHidden) {
		return err
	}
	return nil
}

// mount makes the mount of a client that calls mount(2), in the client's mount namespace. It takes only the name, the flags and the
// options from the call: the mount is at the gate's path and has the type of a volume, whatever the client asks for. The call itself
// must not continue after its arguments were examined, because another thread of the client could change them.
func (g *mountGate) mount(asked notification) error {
	memory, err := os.Open(memoryOf(int(asked.pid)))
	if err != nil {
		return hidden(err)
	}
	defer memory.Close()
	name, err := asked.text(memory, 0)
	if err != nil {
		return err
	}
	options, err := asked.text(memory, 4)
	if err != nil {
		return err
	}
	number, err := mount.ProcessStatus(int(asked.pid), "Tgid")
	if err != nil {
		return err
	}
	process, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return fmt.Errorf("open process %d: %w", process, err)
	}
	defer unix.Close(pidfd)
	if !g.waits(asked) { // another process may have the number by now
		return errNotAsked
	}
	all := deviceOption.FindAllStringSubmatchIndex(options, -1)
	if len(all) != 1 { // if there are several, the kernel uses the last one, as a number of this process
		return fmt.Errorf("the options of mount(2) name %d file descriptors, not one: %w", len(all), unix.EINVAL)
	}
	fd := all[0]
	theirs, err := strconv.Atoi(options[fd[2]:fd[3]])
	if err != nil {
		return fmt.Errorf("the file descriptor in the options of mount(2): %w", err)
	}
	device, err := unix.PidfdGetfd(pidfd, theirs, 0)
	if err != nil {
		return fmt.Errorf("get the client's file descriptor %d: %w", theirs, err)
	}
	defer unix.Close(device)
	options = options[:fd[2]] + strconv.Itoa(device) + options[fd[3]:]
	return mount.InMountNamespace(process, pidfd, func() error { // in the client's root directory, see coverRoot
		if err := unix.Mount(name, g.at, mount.FSType, uintptr(asked.call.arguments[3]), options); err != nil {
			return fmt.Errorf("mount at %s: %w", g.at, err)
		}
		return nil
	})
}

// waits reports whether the process still waits for the answer.
func (g *mountGate) waits(asked notification) bool {
	return g.ioctl(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&asked.id)) == nil //nolint:gosec // as in seccomp_unotify(2)
}

// text returns the text to which an argument of the call points, given the memory of the process. Like mount(2), it reads at most
// a page.
func (n notification) text(memory io.ReaderAt, argument int) (string, error) {
	page := make([]byte, os.Getpagesize())
	count, err := memory.ReadAt(page, int64(n.call.arguments[argument])) //nolint:gosec // a negative address is refused
	text, _, ended := strings.Cut(string(page[:count]), "\x00")
	switch {
	case ended: // even with an error: the memory may end behind the text
		return text, nil
	case err == nil:
		err = unix.EINVAL
	}
	return "", hidden(fmt.Errorf("argument %d of mount(2): %w", argument+1, err))
}
