package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// child is a client that this process started.
type child struct {
	process process
	pidfd   int           // used and closed by firstAnswer
	exited  chan struct{} // closed when the process is reaped; do not read cmd.ProcessState before
	cmd     *exec.Cmd
	refused error // why this process could not mount for the client; nil if the client was then allowed to mount by itself
}

// launch starts the client's process at a place.
func (m *Manager) launch(ctx context.Context, r record, servers mount.Reachable, place *placement.Place) (child, error) {
	major, err := m.clientMajor(ctx, servers)
	if err != nil {
		return child{}, err
	}
	logPath := m.logPath(r.Source.VolumeID)
	if err := rotateLog(logPath); err != nil {
		return child{}, err
	}
	// The client's output goes to the log even before the client has opened it.
	log, err := os.OpenFile(logPath, os.O_APPEND|os.O_WRONLY|unix.O_NOFOLLOW, 0) //nolint:gosec // below the state directory
	if err != nil {
		return child{}, fmt.Errorf("open the client's log: %w", err)
	}
	defer log.Close()
	args := clientArgs(r.Source, servers.ClientArgs(r.Source.Options.Port(), major), logPath, newMetaName(), m.freshPath(r))
	c := child{
		exited: make(chan struct{}),
		cmd:    exec.Command(m.cfg.Glusterfs, args...), //nolint:gosec,noctx // the client outlives the call
	}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.Dir = "/"
	c.cmd.Env = clientEnv()
	// A separate session: neither a ctrl-C in the terminal nor the end of this process reaches the client.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, PidFD: &c.pidfd}
	if err := place.Start(c.cmd); err != nil {
		return child{}, fmt.Errorf("start the GlusterFS client: %w; is the glusterfs client package installed?", err)
	}
	// This must come before the process is reaped. If the client has already ended, its log still holds the reason.
	if c.process, err = identifyProcess(c.cmd.Process.Pid); err == nil {
		err = place.Do(func() error { return limitLog(c.cmd.Process.Pid) })
	}
	if err != nil {
		err = errors.Join(err, c.cmd.Process.Kill(), unix.Close(c.pidfd))
		_ = c.cmd.Wait()
		return child{}, fmt.Errorf("identify the GlusterFS client: %w", err)
	}
	raiseOOMScore(ctx, c.process)
	watch, err := unix.FcntlInt(uintptr(c.pidfd), unix.F_DUPFD_CLOEXEC, 0)
	go func() {
		defer close(c.exited)
		if err == nil {
			awaitIdly(watch, time.Time{})
		}
		_ = c.cmd.Wait() // its log says more than its status
	}()
	return c, nil
}

func clientArgs(source mount.Source, servers []string, logPath, meta, fresh string) []string {
	args := []string{"-N", "--process-name", "fuse", "--log-level=" + logLevel(source), "--log-file=" + logPath}
	args = append(args, servers...)
	args = append(args, metaOption+meta, "--volfile-id=/"+source.Volume) // the whole volume, see directory.go
	options := source.Options.ClientArgs()
	if !slices.ContainsFunc(options, func(arg string) bool { return strings.HasPrefix(arg, "--lru-limit=") }) {
		args = append(args, mount.UnboundedCache)
	}
	return append(append(args, options...), fresh)
}

func logLevel(source mount.Source) string {
	if level := source.Options.LogLevel(); level != "" {
		return level
	}
	return "WARNING" // the lowest level at which a failed start logs its reason
}

// clientEnv keeps the driver's environment, which may hold secrets, out of a process that outlives the driver.
func clientEnv() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// errEnded is returned when the client ended before it was ready.
var errEnded = errors.New("the client ended before it was ready")

// firstAnswer waits until a mount appears at the path in the client's mount namespace and has answered a getattr. A mount alone
// means nothing: the client mounts before it has fetched the volume file. firstAnswer also returns when the
// process behind pidfd ends.
func (m *Manager) firstAnswer(ctx context.Context, limit time.Duration, client process, path string, pidfd int) (mount.Device, error) {
	table, err := unix.Open(client.procPath("mountinfo"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return mount.Device{}, fmt.Errorf("%w: open mountinfo: %w", errEnded, err)
	}
	defer unix.Close(table)
	visible := client.procPath("root", path)
	for {
		first, err := mount.TopIn(client.PID, path)
		if err != nil {
			return mount.Device{}, fmt.Errorf("%w: %w", errEnded, err)
		}
		if first != nil {
			// If a malicious server has taken over a client that is not supervised, the client can mount any file system.
			if first.FSType != mount.FSType {
				return mount.Device{}, fmt.Errorf("it has mounted a file system of type %q", first.FSType)
			}
			device := mount.DeviceOf(first)
			dev, err := m.asker.Getattr(ctx, limit, visible, visible)
			if err == nil && dev != device {
				err = errEnded // the client unmounted in between, and the directory below answered
			}
			return dev, err
		}
		// The kernel signals a change of the mount table with POLLPRI.
		fds := []unix.PollFd{{Fd: int32(table), Events: unix.POLLPRI}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		if err := mount.Uninterrupted(func() error {
			_, err := unix.Poll(fds, -1)
			return err
		}); err != nil {
			return mount.Device{}, fmt.Errorf("wait for the mount: %w", err)
		}
		if fds[1].Revents != 0 {
			return mount.Device{}, errEnded
		}
	}
}

// exit describes how the client ended. It returns "" if the client has not ended.
func (c child) exit() string {
	select {
	case <-c.exited:
	default:
		return ""
	}
	if status, _ := c.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return ", killed by signal " + status.Signal().String()
	}
	return ", exit status " + strconv.Itoa(c.cmd.ProcessState.ExitCode())
}
