package placement

import (
	"bytes"
	"errors"
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
	// The client's call then continues, which succeeds only if the client has kept CAP_SYS_ADMIN. If it has not, because nothing
	// was known of the security module, its start fails, and the next clients keep the capability.
	errHidden = errors.New("the arguments of mount(2) cannot be read")
)

// yamaScope is the setting with which the security module Yama restricts access to the memory of other processes.
const yamaScope = "/proc/sys/kernel/yama/ptrace_scope"

// hidesMemory reports whether Yama refuses the access even to root. The file does not exist without Yama.
func hidesMemory(scope string) bool {
	value, err := os.ReadFile(scope) //nolint:gosec // below /proc
	return err == nil && string(bytes.TrimSpace(value)) == "3"
}

// deviceOption matches the option that names the file descriptor of /dev/fuse.
var deviceOption = regexp.MustCompile(`(?:^|,)fd=([0-9]+)`)

// mount makes the mount of a client that calls mount(2), in the client's mount namespace. It takes only the name, the flags and the
// options from the call: the mount is at the gate's path and has the type of a volume, whatever the client asks for. The call itself
// must not continue after its arguments were examined, because another thread of the client could change them.
func (g *mountGate) mount(asked notification) error {
	name, err := asked.text(0)
	if errors.Is(err, unix.EPERM) {
		g.hidden.Store(true)
		return errHidden
	}
	if err != nil {
		return err
	}
	options, err := asked.text(4)
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
		return err
	}
	defer unix.Close(pidfd)
	// If this fails, another process may have the number by now.
	if err := g.ioctl(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&asked.id)); err != nil { //nolint:gosec // as in seccomp_unotify(2)
		return errNotAsked
	}
	fd := deviceOption.FindStringSubmatchIndex(options)
	if fd == nil {
		return unix.EINVAL
	}
	theirs, err := strconv.Atoi(options[fd[2]:fd[3]])
	if err != nil {
		return err
	}
	device, err := unix.PidfdGetfd(pidfd, theirs, 0)
	if err != nil {
		return err
	}
	defer unix.Close(device)
	options = options[:fd[2]] + strconv.Itoa(device) + options[fd[3]:]
	return mount.InMountNamespace(process, pidfd, func() error { // in its root directory, see coverRoot
		return unix.Mount(name, g.at, mount.FSType, uintptr(asked.call.arguments[3]), options)
	})
}

// text returns the text to which an argument of the call points. Like mount(2), it reads at most a page.
func (n notification) text(argument int) (string, error) {
	page := os.Getpagesize()
	address, buffer := uintptr(n.call.arguments[argument]), make([]byte, page)
	ofFirst := page - int(address%uintptr(page)) //nolint:gosec // less than a page
	local := unix.Iovec{Base: &buffer[0]}
	local.SetLen(page)
	// The page after the text's may not be there, and the kernel stops between two elements.
	remote := []unix.RemoteIovec{{Base: address, Len: ofFirst}, {Base: address + uintptr(ofFirst), Len: page - ofFirst}}
	count, err := unix.ProcessVMReadv(int(n.pid), []unix.Iovec{local}, remote, 0)
	if err != nil {
		return "", err
	}
	text, _, ended := strings.Cut(string(buffer[:count]), "\x00")
	if !ended {
		return "", unix.EINVAL
	}
	return text, nil
}
