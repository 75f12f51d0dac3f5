package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

const downLimit = 30 * time.Second

// down needs no record of what runs: the hub is found by its command line and all processes end with it, loop devices are found
// by their backing files, and control groups by their names.
func down(ctx context.Context, layout machine.Layout) error {
	if err := killHub(ctx, layout); err != nil {
		return err
	}
	if err := machine.DetachLoops(layout, "", downLimit); err != nil {
		return err
	}
	if err := machine.RemoveCgroups(layout, "", downLimit); err != nil {
		return err
	}
	entries, err := os.ReadDir(layout.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == "log" || entry.Name() == "lock" {
			continue
		}
		if err := removeAll(layout.Path(entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeAll is like os.RemoveAll, but also removes directories that a killed node plugin left immutable.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = mount.Unseal(path)
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(path))
}

func isHub(layout machine.Layout) func(proc string) bool {
	want := layout.InitArgs(machine.Hub)
	return func(proc string) bool {
		args := arguments(proc)
		return len(args) > len(want) && slices.Equal(args[1:1+len(want)], want)
	}
}

// killHub kills the hub and waits until all processes of the lab are gone.
func killHub(ctx context.Context, layout machine.Layout) error {
	hubs, err := processes(isHub(layout))
	if err != nil {
		return err
	}
	for _, hub := range hubs {
		// The check is repeated through a process handle, because the pid may have been reused meanwhile.
		process, err := os.FindProcess(hub.pid)
		if err == nil && isHub(layout)(fmt.Sprintf("/proc/%d", hub.pid)) {
			err = process.Kill()
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("end the lab's hub, pid %d: %w", hub.pid, err)
		}
	}
	for end := time.Now().Add(downLimit); ; {
		left, err := processes(inLab(layout))
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("processes of the lab are still there %s after its hub was killed: %v", downLimit, left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// inLab returns a function that recognizes the lab's processes by their environment, their mounts or, in a pod, their control
// groups.
func inLab(layout machine.Layout) func(proc string) bool {
	host, _ := os.Readlink("/proc/self/ns/mnt")
	return func(proc string) bool {
		cgroups, _ := os.ReadFile(proc + "/cgroup")
		if strings.Contains(string(cgroups), ":"+layout.Cgroup("")+"/") {
			return true
		}
		environ, _ := os.ReadFile(proc + "/environ")
		if slices.Contains(strings.Split(string(environ), "\x00"), machine.LabVariable+"="+layout.Dir) {
			return true
		}
		if mounts, err := os.Readlink(proc + "/ns/mnt"); err != nil || mounts == host {
			return false
		}
		mounts, _ := os.ReadFile(proc + "/mountinfo")
		return strings.Contains(string(mounts), layout.Dir+"/")
	}
}

// Leftovers lists each process, mount, control group and loop device that belongs to the lab of a directory. It finds most of
// them in another way than Down does, so that tests can check Down with it. Networks and namespaces are not listed: they end with
// their last process.
func Leftovers(dir string) ([]string, error) {
	layout, err := layoutOf(dir)
	if err != nil {
		return nil, err
	}
	found, err := processes(inLab(layout))
	if err != nil {
		return nil, err
	}
	var list []string
	for _, p := range found {
		list = append(list, fmt.Sprintf("process %d: %s", p.pid, strings.Join(p.args, " ")))
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, layout.Dir+"/") {
			list = append(list, "mount "+strings.TrimSpace(line))
		}
	}
	for _, dir := range machine.Cgroups(layout, "") {
		list = append(list, "control group "+dir)
	}
	loops, err := loopsLeft(layout)
	if err != nil {
		return nil, err
	}
	for _, loop := range loops {
		list = append(list, "loop device "+loop)
	}
	return list, nil
}

// loopsLeft also finds, by their names, devices whose files Down has removed.
func loopsLeft(layout machine.Layout) ([]string, error) {
	known, err := machine.Loops(layout, "")
	if err != nil {
		return nil, err
	}
	named, err := machine.LoopsNamed(layout.Dir + "/")
	if err != nil {
		return nil, err
	}
	all := slices.Concat(known, named)
	slices.Sort(all)
	return slices.Compact(all), nil
}
