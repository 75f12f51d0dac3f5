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

// Loops lists the attached loop devices whose backing file name begins with prefix, as /dev/loopN.
func Loops(prefix string) ([]string, error) {
	attached, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range attached {
		device := "/dev/" + filepath.Base(filepath.Dir(dir))
		name, err := backingFile(device)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENXIO) {
			continue // detached meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", device, err)
		}
		if strings.HasPrefix(name, prefix) {
			found = append(found, device)
		}
	}
	return found, nil
}

// backingFile asks the device for the name under which the file was attached. The one in /sys depends on who looks and
// changes when the mount of the file's directory goes away.
func backingFile(device string) (string, error) {
	f, err := os.Open(device)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err != nil {
		return "", err
	}
	return unix.ByteSliceToString(info.File_name[:]), nil
}

// DetachLoops detaches all loop devices with that prefix. One that is still mounted, which is so for a moment after a
// machine has died, goes when it is unmounted; the call waits for that.
func DetachLoops(prefix string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		devices, err := Loops(prefix)
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
