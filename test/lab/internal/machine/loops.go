package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Loops lists the attached loop devices of the named machine, or of the whole lab if name is empty, as /dev/loopN. A device is
// recognized by its name, or else by its file: a pod attaches a file under the path that the file has inside the pod.
func Loops(layout Layout, name string) ([]string, error) {
	attached, err := attachedLoops()
	if err != nil {
		return nil, err
	}
	files := diskFiles{layout: layout, name: name}
	var found []string
	for _, l := range attached {
		ours := strings.HasPrefix(l.name, layout.LoopPrefix(name))
		if !ours && !strings.HasPrefix(l.name, otherLabs) {
			if ours, err = files.has(l.file); err != nil {
				return nil, err
			}
		}
		if ours {
			found = append(found, l.device)
		}
	}
	return found, nil
}

// LoopsNamed lists the attached loop devices whose backing file name begins with prefix.
func LoopsNamed(prefix string) ([]string, error) {
	attached, err := attachedLoops()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, l := range attached {
		if strings.HasPrefix(l.name, prefix) {
			found = append(found, l.device)
		}
	}
	return found, nil
}

// loop is an attached loop device.
type loop struct {
	device string
	// name is the path under which the file was attached.
	name string
	file fileID
}

// fileID identifies a file independently of its path.
type fileID struct{ device, inode uint64 }

func attachedLoops() ([]loop, error) {
	dirs, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		return nil, err
	}
	var found []loop
	for _, dir := range dirs {
		l, err := askLoop("/dev/" + filepath.Base(filepath.Dir(dir)))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENXIO) {
			continue // detached meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", l.device, err)
		}
		found = append(found, l)
	}
	return found, nil
}

// askLoop asks the device for the name under which its file was attached. The name in /sys depends on the reader's mounts, and
// changes when the mount of the file's directory disappears.
func askLoop(device string) (loop, error) {
	l := loop{device: device}
	f, err := os.Open(device)
	if err != nil {
		return l, err
	}
	defer func() { _ = f.Close() }()
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err != nil {
		return l, err
	}
	l.name, l.file = unix.ByteSliceToString(info.File_name[:]), fileID{info.Device, info.Inode}
	return l, nil
}

// DetachLoops detaches all loop devices of the named machine, or of the lab. The kernel detaches a mounted device only when it is
// unmounted, which takes a moment after a machine has died, so the call waits.
func DetachLoops(layout Layout, name string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		devices, err := Loops(layout, name)
		if err != nil || len(devices) == 0 {
			return err
		}
		for _, device := range devices {
			if err := detach(device); err != nil {
				return fmt.Errorf("detach %s: %w", device, err)
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("loop devices still in use %s after their machine has ended: %s", limit, strings.Join(devices, " "))
		}
	}
}

func detach(device string) error {
	f, err := os.Open(device)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := unix.IoctlSetInt(int(f.Fd()), unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return err
	}
	return nil
}
