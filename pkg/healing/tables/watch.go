package tables

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Target is a mount namespace to be watched, by a process that is in it.
type Target struct {
	Namespace uint64 // 0 when it cannot be seen
	PID       int
	Start     uint64
}

// Target returns what a Watcher needs to know of the table's namespace.
func (t Table) Target() Target { return Target{t.Namespace, t.PID, t.Start} }

// Watcher waits for changes of the tables of mount namespaces. It keeps a table of each open, by which the kernel keeps the
// namespace with all of its mounts; so it closes a table once the process behind it has ended.
type Watcher struct {
	epoll, wake int        // wake is an eventfd
	running     sync.Mutex // held by Run, which uses the two

	mu      sync.Mutex
	watched map[Target]*watch
	byID    map[int32]*watch // by what the kernel returns with an event
	lastID  int32
	reports []report // what Run tells besides what the kernel does
	closed  bool
}

type watch struct {
	target       Target
	id           int32
	table, pidfd int
	pace         Pace
}

// A container may mount and unmount without end. The first changes of its table are reported at once all the same.
const (
	quickReports   = 20
	reportInterval = 2 * time.Second // between those after them
)

// mostWatched bounds the namespaces that are watched. Each costs two descriptors, and half of those of this process are for others.
func mostWatched() int {
	const most = 2048
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return most
	}
	return int(min(limit.Cur/4, most))
}

type report struct {
	target Target
	ended  bool
}

// Which of a watch's descriptors an event is about. Descriptors themselves do not tell, since their numbers are used again.
const (
	ofTable int32 = iota
	ofProcess
)

// NewWatcher returns a Watcher without targets.
func NewWatcher() (*Watcher, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch mounts: epoll_create1: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}) // no watch has id 0
	}
	if err != nil {
		_ = unix.Close(wake) // may be -1
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("watch mounts: eventfd: %w", err)
	}
	return &Watcher{epoll: epoll, wake: wake, watched: map[Target]*watch{}, byID: map[int32]*watch{}}, nil
}

// Set makes the targets those that are watched. A new one is reported as changed once, since its table may have changed after the
// caller has read it, or as ended when its process has ended or left the namespace. An error is about targets that are not watched,
// also because they are too many; the others are.
func (w *Watcher) Set(targets []Target) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("watch mounts: the watcher is closed")
	}
	wanted := make(map[Target]bool, len(targets))
	for _, t := range targets {
		wanted[t] = true
	}
	for t, watched := range w.watched {
		if !wanted[t] {
			w.drop(watched)
		}
	}
	var failed []error
	most, tooMany := mostWatched(), 0
	for t := range wanted {
		if w.watched[t] != nil {
			continue
		}
		if len(w.watched) >= most {
			tooMany++
			continue
		}
		err := w.add(t)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("watch the mounts of process %d: %w", t.PID, err))
			continue
		}
		w.reports = append(w.reports, report{t, err != nil})
	}
	if tooMany > 0 {
		failed = append(failed, fmt.Errorf("%d mount namespaces are watched, and %d more are too many", most, tooMany))
	}
	if len(w.reports) > 0 {
		w.signal()
	}
	return errors.Join(failed...)
}

// add watches a target. The error wraps fs.ErrNotExist when its process has ended or left the namespace.
func (w *Watcher) add(t Target) error {
	pidfd, err := mount.Process{PID: t.PID, Start: t.Start}.Open()
	if err != nil {
		return err
	}
	table, err := openTable(t.PID)
	if err == nil {
		err = inNamespace(t.PID, t.Namespace)
	}
	if mount.IsGone(err) || mount.AwaitExit(pidfd, 0) { // the table may be of another process
		err = fmt.Errorf("it has ended: %w", fs.ErrNotExist)
	}
	added := &watch{target: t, id: w.lastID + 1, table: table, pidfd: pidfd}
	if err == nil {
		err = errors.Join(w.listen(table, unix.EPOLLPRI, added.id, ofTable), w.listen(pidfd, unix.EPOLLIN, added.id, ofProcess))
	}
	if err != nil {
		added.close(w.epoll)
		return err
	}
	w.lastID = added.id
	w.watched[t], w.byID[added.id] = added, added
	return nil
}

func (w *Watcher) listen(fd int, events uint32, id, of int32) error {
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: id, Pad: of}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

func (w *Watcher) drop(dropped *watch) {
	dropped.close(w.epoll)
	delete(w.watched, dropped.target)
	delete(w.byID, dropped.id)
}

// close takes the descriptors out of the epoll first: a process that is being started has copies of them for a moment, so that
// closing them alone would not.
func (dropped *watch) close(epoll int) {
	for _, fd := range []int{dropped.table, dropped.pidfd} {
		_ = unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil)
		_ = unix.Close(fd) // may be -1
	}
}

// Run calls changed for each change of a target's table, at a bounded pace, and, with ended, once the process behind a target has ended: the target is
// not watched any more, and another process may be in its namespace. Until changed returns, other changes wait, and the namespaces
// of processes that end are kept. Run returns nil when ctx is done or the watcher is closed.
//
// It occupies one thread, which sleeps. The Go runtime cannot wait for the epoll instead: to see whether it is ready the runtime's
// own epoll asks the tables, and a table tells a change to the first that asks.
func (w *Watcher) Run(ctx context.Context, changed func(t Target, ended bool)) error {
	w.running.Lock()
	defer w.running.Unlock()
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.signal()
	})
	defer stop()
	events := make([]unix.EpollEvent, 64)
	for {
		if ctx.Err() != nil || w.isClosed() {
			return nil
		}
		n, err := unix.EpollWait(w.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch mounts: epoll_wait: %w", err)
		}
		for _, r := range w.translate(events[:max(n, 0)]) {
			changed(r.target, r.ended)
		}
	}
}

func (w *Watcher) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// translate returns what is to be reported after events. The watches of processes that have ended end with it.
func (w *Watcher) translate(events []unix.EpollEvent) []report {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	reports := w.reports
	w.reports = nil
	for _, e := range events {
		watched := w.byID[e.Fd]
		switch {
		case watched == nil: // a signal, or dropped meanwhile
		case e.Pad == ofProcess:
			w.drop(watched)
			reports = append(reports, report{watched.target, true})
		default:
			if wait := watched.pace.Take(time.Now(), quickReports, reportInterval); wait > 0 {
				w.pause(watched, wait)
				continue
			}
			reports = append(reports, report{watched.target, false})
		}
	}
	return reports
}

// pause does not listen to a table for a while, and reports its change afterwards. A table shows a change as an error as well, which
// cannot be left out of the events that an epoll waits for.
func (w *Watcher) pause(paused *watch, wait time.Duration) {
	_ = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, paused.table, nil)
	time.AfterFunc(wait, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.byID[paused.id] != paused {
			return
		}
		paused.pace.Take(time.Now(), quickReports, reportInterval)
		err := w.listen(paused.table, unix.EPOLLPRI, paused.id, ofTable)
		if err != nil {
			w.drop(paused)
		}
		w.reports = append(w.reports, report{paused.target, err != nil})
		w.signal()
	})
}

// signal makes Run look at what there is besides events.
func (w *Watcher) signal() {
	if !w.closed {
		_, _ = unix.Write(w.wake, binary.NativeEndian.AppendUint64(nil, 1)) // fails only when it is signalled very often already
	}
}

// Close ends Run, and waits for it: changed must not call it.
func (w *Watcher) Close() {
	w.mu.Lock()
	w.signal()
	already := w.closed
	for _, watched := range w.watched {
		w.drop(watched)
	}
	w.closed = true
	w.mu.Unlock()
	if already {
		return
	}
	w.running.Lock()
	defer w.running.Unlock()
	_ = unix.Close(w.wake)
	_ = unix.Close(w.epoll)
}
