package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// podRoot is the path at which a pod's root directory is made; the directory exists on every Linux.
const podRoot = "/mnt"

// enterPod runs this program again as a container runtime would, in a private mount namespace that shares only the volume with
// the node. args are the propagation of the volume, "rslave" (mountPropagation: HostToContainer) or "private" (None), the name of
// the directory in the volume, and the node's paths of the pod's emptyDir and of the subPath, a directory of the volume.
func enterPod(volume string, args []string) error {
	if len(args) != 4 || args[0] != "rslave" && args[0] != "private" {
		return fmt.Errorf("pod %s: %q is not a propagation (rslave or private), a directory, an emptyDir and a subPath", volume, args)
	}
	runtime.LockOSThread() // a thread keeps its own mounts until it executes the program
	dir := filepath.Join("/volume", args[1])
	if err := makeRoot(volume, args[0], binds{{args[2], scratchOf(dir)}, {args[3], "/sub"}}); err != nil {
		return err
	}
	return unix.Exec("/workload", []string{"workload", "run", dir}, append(os.Environ(), subPath+"=/sub"))
}

// binds are a pod's mounts besides the whole volume, as paths on the node and in the pod. Their mount points exist.
type binds []struct{ from, to string }

func makeRoot(volume, propagation string, more binds) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	in := func(name string) string { return filepath.Join(podRoot, name) }
	steps := []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "") },
		func() error { return unix.Mount("pod", podRoot, "tmpfs", 0, "size=1m") },
		func() error { return os.Mkdir(in("volume"), 0o700) },
		func() error { return os.Mkdir(in("sub"), 0o700) },
		func() error { return os.Mkdir(in("dev"), 0o700) },
		func() error { return os.Mkdir(in("node"), 0o700) },
		func() error { return os.WriteFile(in("workload"), nil, 0o700) },
		func() error { return unix.Mount(program, in("workload"), "", unix.MS_BIND, "") },
		func() error { return unix.Mount("/dev", in("dev"), "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return unix.Mount(volume, in("volume"), "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return more.mount(in) },
		func() error {
			return errors.Join(makePrivate(propagation, in("volume")), makePrivate(propagation, in("sub")))
		},
		func() error { return os.Chdir(podRoot) },
		func() error { return unix.PivotRoot(".", "node") },
		func() error { return os.Chdir("/") },
		// Otherwise the node's mounts would be unmounted, too.
		func() error { return unix.Mount("", "/node", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Unmount("/node", unix.MNT_DETACH) },
		// Nothing can then be written beneath the volume's mount point.
		func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "") },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d of making the pod's root directory: %w", i+1, err)
		}
	}
	return nil
}

func (b binds) mount(in func(string) string) error {
	for _, bind := range b {
		if err := unix.Mount(bind.from, in(bind.to), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", bind.from, err)
		}
	}
	return nil
}

func makePrivate(propagation, path string) error {
	if propagation != "private" {
		return nil
	}
	return unix.Mount("", path, "", unix.MS_REC|unix.MS_PRIVATE, "")
}
