// Package fusequery asks FUSE clients, and does so in a child process. A request that a client has read cannot be taken back,
// not even by SIGKILL: a process that waits for one, on any thread, can be killed but does not go, and holds its container.
// The child is the same binary; it may wait, it is killed when its time is up, and nothing depends on when it goes.
//
// One child serves all questions. When one of them stays without an answer for its limit, the child gets no new question, the
// others in it keep their own limit, and then it is killed. New questions go to a new child.
package fusequery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// ErrNotAsked is returned when there is no process that could ask. It says nothing about the client.
var ErrNotAsked = errors.New("the FUSE client could not be asked")

// Asker asks FUSE clients. The zero value is ready. Callers wait in their own goroutine and leave nothing behind when they give up.
type Asker struct {
	// Start starts the child process, and returns what is to be called when it has ended; by default (*exec.Cmd).Start.
	Start func(*exec.Cmd) (ended func(), err error)

	idleLimit  time.Duration // 0: defaultIdleLimit
	startLimit time.Duration // 0: defaultStartLimit

	opened atomic.Uint64 // numbers what is asked to be opened

	mu      sync.Mutex
	closed  bool
	asked   map[string]*question
	current *worker // gets new questions; nil: none is running
	workers map[*worker]bool
}

const (
	// defaultIdleLimit is how long a worker without questions stays. The kubelet asks for statistics once a minute.
	defaultIdleLimit = 2 * time.Minute
	// defaultStartLimit is how long a worker may take until it accepts questions, which is 20 ms on a machine that is not busy.
	defaultStartLimit = 10 * time.Second
	// maxTries is how often a question is put when its worker is killed by someone else.
	maxTries = 2
)

// question is one to a client, on behalf of everyone who asks it. There is one of a name at a time: from the first caller until
// the answer, or until the process that waits for it has ended.
type question struct {
	name    string // the kind, and which client
	request request
	file    *os.File // sent with the request; may be nil
	limit   time.Duration
	deliver func(answer) // gets the answer before any caller; may be nil

	worker   *worker
	id       uint64 // in packets
	thread   int    // of the worker, that waits for the answer; 0: not known
	tries    int
	began    time.Time // when a worker was ready for it
	timer    *time.Timer
	isLate   bool
	late     chan struct{} // closed when the limit has passed
	answered chan struct{} // closed when answer and err are set
	answer   answer
	err      error
}

// ask puts q, or joins the question of its name, and waits for the answer. It returns ErrTimeout when the question's limit has
// passed, at once if it has passed before, and when ctx ends.
func (a *Asker) ask(ctx context.Context, q *question) (answer, error) {
	q = a.coalesce(q)
	select {
	case <-q.answered: // takes precedence
		return q.answer, q.err
	default:
	}
	select {
	case <-q.answered:
		return q.answer, q.err
	case <-q.late:
		return answer{}, fmt.Errorf("%w: no answer for %s", mount.ErrTimeout, q.age())
	case <-ctx.Done():
		return answer{}, fmt.Errorf("%w: %w", mount.ErrTimeout, context.Cause(ctx))
	}
}

// age is for a message: two digits are enough.
func (q *question) age() time.Duration {
	age := time.Since(q.began)
	if age > time.Second {
		return age.Round(time.Second)
	}
	return age.Round(time.Millisecond)
}

func (a *Asker) coalesce(q *question) *question {
	a.mu.Lock()
	defer a.mu.Unlock()
	if running, ok := a.asked[q.name]; ok {
		if !running.isOver() {
			return running
		}
	}
	q.late, q.answered = make(chan struct{}), make(chan struct{})
	if a.closed {
		a.finish(q, answer{}, fmt.Errorf("%w: the driver is ending", ErrNotAsked))
		return q
	}
	if a.asked == nil {
		a.asked = map[string]*question{}
	}
	a.asked[q.name] = q
	a.assign(q)
	return q
}

// The functions below are called with the lock held.

// isOver reports whether nothing waits for the answer to q any more, although its process is still there: another of its threads
// cannot end. Without this a client that was slow once would seem to hang for as long as another one hangs.
func (q *question) isOver() bool {
	return q.isLate && q.worker.killed && q.thread != 0 && threadEnded(q.worker.process.Pid, q.thread)
}

func (a *Asker) assign(q *question) {
	w := a.worker()
	w.last++
	q.worker, q.id, q.thread = w, w.last, 0
	q.tries++
	w.questions[q.id] = q
	if w.ready {
		a.startTimer(q)
	}
	w.queue = append(w.queue, q.id)
	select {
	case w.queued <- struct{}{}:
	default:
	}
}

// startTimer starts the time for an answer. It does not count the worker's start, which says nothing about a client.
func (a *Asker) startTimer(q *question) {
	w, id := q.worker, q.id
	q.began = time.Now()
	q.timer = time.AfterFunc(q.limit, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if w.questions[id] != q {
			return // answered meanwhile
		}
		q.isLate = true
		close(q.late)
		a.retire(w)
	})
}

func (a *Asker) finish(q *question, answer answer, err error) {
	if q.timer != nil {
		q.timer.Stop()
	}
	if a.asked[q.name] == q { // it was not put again
		delete(a.asked, q.name)
	}
	q.answer, q.err = answer, err
	if q.deliver != nil {
		q.deliver(answer)
	}
	close(q.answered)
}

// worker returns the one that gets new questions.
func (a *Asker) worker() *worker {
	if a.current == nil {
		w := newWorker()
		if a.workers == nil {
			a.workers = map[*worker]bool{}
		}
		a.current, a.workers[w] = w, true
		w.timer = time.AfterFunc(cmp.Or(a.startLimit, defaultStartLimit), func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			if !w.ready {
				w.kill()
			}
		})
		go a.run(w)
	}
	return a.current
}

// retire gives w no more questions, and kills it when none is left that may be answered in time.
func (a *Asker) retire(w *worker) {
	w.retired = true
	if a.current == w {
		a.current = nil
	}
	for _, q := range w.questions {
		if !q.isLate {
			return
		}
	}
	w.kill()
}

// Prepare starts the child, so that the next question does not wait for it. It returns at once.
func (a *Asker) Prepare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.worker()
	}
}

// Close kills the child processes and does not wait for their end. Callers that wait get ErrNotAsked.
func (a *Asker) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for w := range a.workers {
		for _, q := range w.questions {
			a.finish(q, answer{}, fmt.Errorf("%w: the driver is ending", ErrNotAsked))
		}
		clear(w.questions)
		a.retire(w)
	}
}
