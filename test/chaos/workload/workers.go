package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// worker uses a volume in one way. write returns nil if the record is safe; a failed write is repeated.
type worker interface {
	write(seq int) error
	// read reads a record again, after the given number of records was written.
	read(seq, written int) error
	close() error
}

// kind describes how a worker starts, and whether it holds a file open.
type kind struct {
	name  string
	holds bool
	open  func(dir string) (worker, error)
}

func kinds() []kind {
	return []kind{
		{"held", true, openHeld},
		{"appended", true, openAppended},
		{"renamed", false, openRenamed},
		{"database", true, openDatabase},
		{"sub", false, openSub},
		{"scratch", false, openScratch},
	}
}

// pause separates two turns of a worker.
const pause = 20 * time.Millisecond

// turns runs a worker.
type turns struct {
	worker

	mu     sync.Mutex
	count  tally.Worker
	began  time.Time // of the current write or read; zero between them
	failed time.Time // when the first failed write or read of this outage began; used only by the worker's goroutine
}

func (t *turns) run(ctx context.Context) {
	for ctx.Err() == nil {
		t.turn()
		time.Sleep(pause)
	}
}

func (t *turns) turn() {
	written := t.count.Writes // changed only here
	if again, holds := t.worker.(reopener); holds && t.inOutage() && again.replaced() {
		t.do(again.reopen, func(w *tally.Worker) { w.Reopened++ })
	}
	works := t.do(func() error { return t.write(written) }, func(w *tally.Worker) { w.Writes++ })
	if works {
		written++
	}
	if written > 0 {
		read := t.do(func() error { return t.read(rand.IntN(written), written) }, func(w *tally.Worker) { w.Reads++ })
		works = works && read
	}
	if works && t.inOutage() {
		t.endOutage()
	}
}

// do carries out one write or read and counts its result.
func (t *turns) do(action func() error, done func(*tally.Worker)) bool {
	t.mu.Lock()
	t.began = time.Now()
	t.mu.Unlock()
	err := action()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.PauseMilliseconds = max(t.count.PauseMilliseconds, time.Since(t.began).Milliseconds())
	if err != nil && t.failed.IsZero() {
		t.failed = t.began
	}
	t.began = time.Time{}
	t.count.Failing = err != nil
	switch {
	case err == nil:
		done(&t.count)
		return true
	case errors.Is(err, errWrong):
		t.count.Wrong++
	case errors.Is(err, errBeneath):
		t.count.Beneath++
	case errors.Is(err, errAstray):
		t.count.Astray++
	case errors.Is(err, unix.ENOTCONN), errors.Is(err, unix.ECONNABORTED):
		t.count.Cut++
	default:
		t.count.Errors++
	}
	t.say(err)
	return false
}

// inOutage reports whether a call has failed since the last successful write that was followed by a successful read.
func (t *turns) inOutage() bool { return !t.failed.IsZero() }

func (t *turns) endOutage() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count.OutagesMilliseconds = append(t.count.OutagesMilliseconds, time.Since(t.failed).Milliseconds())
	t.failed = time.Time{}
}

// say keeps the last few different errors, each with the time of its last occurrence.
func (t *turns) say(err error) {
	const most = 5
	text := fmt.Sprintf("%s %v", time.Now().Format("15:04:05.000"), err)
	same := func(said string) bool { return said[len("15:04:05.000"):] == text[len("15:04:05.000"):] }
	t.count.Said = append(slices.DeleteFunc(t.count.Said, same), text)
	t.count.Said = t.count.Said[max(0, len(t.count.Said)-most):]
}

// status returns the counts, and resets the longest pause and the outages.
func (t *turns) status() tally.Worker {
	t.mu.Lock()
	defer t.mu.Unlock()
	count := t.count
	count.Said = slices.Clone(t.count.Said)
	if !t.began.IsZero() {
		count.PauseMilliseconds = max(count.PauseMilliseconds, time.Since(t.began).Milliseconds())
	}
	t.count.PauseMilliseconds, t.count.OutagesMilliseconds = 0, nil
	return count
}
