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

// Target is a mount namespace to watch, identified by a process in it.
type Target struct {
	Namespace uint64 // 0 if it is not visible
	PID       int
	Start     uint64
}

// Target returns the table's namespace as a Watcher's target.
func (t Table) Target() Target { return Target{t.Namespace, t.PID, t.Start} }

// Watcher waits for changes of the tables of mount namespaces. It keeps each table open, which keeps the namespace with all of
// its mounts alive, so it closes a table once the process behind it has ended.
type Watcher struct {
	epoll, wake int        // wake is an eventfd
	running     sync.Mutex // held by Run while it uses epoll and wake

	mu      sync.Mutex
	watched map[Target]*watch
	byID    map[int32]*watch // by the id that the kernel returns with an event
	lastID  int32
	reports []report // reports that do not come from events
	closed  bool
}

type watch struct {
	target       Target
	id           int32
	table, pidfd int
	pace         Pace
}

// A container may mount and unmount without end. The first changes of its table are nevertheless reported at once.
const (
	quickReports   = 20
	reportInterval = 2 * time.Second // between later reports
)

// mostWatched returns the maximum number of namespaces that are watched. Each needs two descriptors, and half of this process's
// descriptors are for other uses.
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

// The kinds of a watch's descriptors. An event does not carry the descriptor's number, because numbers are reused.
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
		_ = unix.Close(wake) // wake may be -1
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("watch mounts: eventfd: %w", err)
	}
	return &Watcher{epoll: epoll, wake: wake, watched: map[Target]*watch{}, byID: map[int32]*watch{}}, nil
}

// Set replaces the watched targets. A new target is reported once as changed, because its table may have changed after the caller
// read it. If its process has ended or left the namespace, the target is reported as ended instead. The error lists the targets that
// cannot be watched and counts those beyond the limit; the others are watched.
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
		failed = append(failed, fmt.Errorf("%d mount namespaces are watched, which is the maximum; %d more are not watched", most, tooMany))
	}
	if len(w.reports) > 0 {
		w.signal()
	}
	return errors.Join(failed...)
}

// add watches a target. The error wraps fs.ErrNotExist if its process has ended or left the namespace.
func (w *Watcher) add(t Target) error {
	pidfd, err := mount.Process{PID: t.PID, Start: t.Start}.Open()
	if err != nil {
		return err
	}
	table, err := openTable(t.PID)
	if err == nil {
		err = inNamespace(t.PID, t.Namespace)
	}
	if mount.IsGone(err) || mount.AwaitExit(pidfd, 0) { // the table may be another process's
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

// close removes the descriptors from the epoll before it closes them. A process that is being started has copies of the descriptors
// for a moment, and the epoll keeps a closed descriptor as long as there is a copy.
func (dropped *watch) close(epoll int) {
	for _, fd := range []int{dropped.table, dropped.pidfd} {
		_ = unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil)
		_ = unix.Close(fd) // fd may be -1
	}
}

// Run calls changed for each change of a target's table, at a limited rate. Once the process behind a target has ended, Run calls
// changed with ended set; the target is then no longer watched, although another process may be in its namespace. While changed runs,
// other changes wait, and the namespaces of processes that end stay alive. Run returns nil when ctx is done or the watcher is closed.
//
// Run occupies one thread, which sleeps. The Go runtime cannot wait for w.epoll instead: the runtime's own epoll would poll the
// tables through w.epoll, and a table reports a change only to the first poll.
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
		var n int
		err := mount.Uninterrupted(func() (err error) {
			n, err = unix.EpollWait(w.epoll, events, -1)
			return err
		})
		if err != nil {
			return fmt.Errorf("watch mounts: epoll_wait: %w", err)
		}
		for _, r := range w.translate(events[:n]) {
			changed(r.target, r.ended)
		}
	}
}

func (w *Watcher) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// translate converts events to reports. It ends the watches of processes that have ended.
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
		case watched == nil: // a signal, or a watch that was dropped meanwhile
		case e.Pad == ofProcess:
			w.drop(watched)
			reports = append(reports, report{watched.target, true})
		default:
			if wait := watched.pace.Admit(time.Now(), quickReports, reportInterval); wait > 0 {
				w.pause(watched, wait)
				continue
			}
			reports = append(reports, report{watched.target, false})
		}
	}
	return reports
}

// pause removes a table from the epoll for a while, and reports its change afterwards. Masking the events would not be enough: a
// table also reports a change as an error event, which an epoll cannot mask.
func (w *Watcher) pause(paused *watch, wait time.Duration) {
	_ = unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, paused.table, nil)
	time.AfterFunc(wait, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.byID[paused.id] != paused {
			return
		}
		paused.pace.Admit(time.Now(), quickReports, reportInterval)
		err := w.listen(paused.table, unix.EPOLLPRI, paused.id, ofTable)
		if err != nil {
			w.drop(paused)
		}
		w.reports = append(w.reports, report{paused.target, err != nil})
		w.signal()
	})
}

// signal wakes Run, which then delivers w.reports.
func (w *Watcher) signal() {
	if !w.closed {
		_, _ = unix.Write(w.wake, binary.NativeEndian.AppendUint64(nil, 1)) // fails only if very many signals are pending
	}
}

// Close ends Run, and waits for it. It must not be called from changed.
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
