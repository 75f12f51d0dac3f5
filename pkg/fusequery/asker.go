// Package fusequery asks FUSE clients questions in a child process, for example for the statistics of a mount. The process that
// asks cannot give up a question that a client has read: if one of its threads waits for the answer, that process does not end
// even after SIGKILL, and keeps its container alive. So the child asks: it may block, and is killed when its time is up, and no
// caller waits for its end. The child runs the same binary. The main function must call Serve if IsChild reports true.
//
// Each question has a subject, which names the client. Concurrent questions of the same kind with the same subject are merged:
// only the first one is asked, with its path and its limit, and all callers get its answer. The limit begins when the child is
// ready, which may take 10 seconds; ctx ends a call earlier.
//
// An Asker starts the child when it is needed, and sends it all questions. If the child has no answer to one of them within the
// limit, it gets no new questions. The remaining questions keep their limits, and then the child is killed. New questions go to a
// new child. A child without questions is killed after two minutes. The caller must call Close at the end. A question fails with
// mount.ErrTimeout if the client does not answer in time, and with ErrNotAsked if no process could ask it.
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

// ErrNotAsked is returned when no process could ask. It does not show whether the client answers.
var ErrNotAsked = errors.New("the FUSE client could not be asked")

// Asker sends questions to FUSE clients. The zero value is ready for use. The methods may be called concurrently. A call that
// gives up leaves no goroutine behind.
type Asker struct {
	// Start starts the child process, and returns a function to call when the process has ended; default: (*exec.Cmd).Start.
	Start func(*exec.Cmd) (ended func(), err error)

	idleLimit  time.Duration // 0: defaultIdleLimit
	startLimit time.Duration // 0: defaultStartLimit

	opened atomic.Uint64 // counts the questions that need a unique name

	mu      sync.Mutex
	closed  bool
	asked   map[string]*question
	current *worker // gets new questions; nil if none runs
	workers map[*worker]bool
}

const (
	// defaultIdleLimit is how long a worker without questions stays. The kubelet asks for statistics once a minute.
	defaultIdleLimit = 2 * time.Minute
	// defaultStartLimit is how long a worker may take until it accepts questions; on an idle machine it takes 20 ms.
	defaultStartLimit = 10 * time.Second
	// maxTries is how often a question is asked in total if its worker is killed from outside.
	maxTries = 2
)

// question is a question to a client, shared by all callers that ask it. There is at most one of each name at a time: from the
// first caller until the answer, or until the process that waits for the answer has ended.
type question struct {
	name    string // kind and subject
	request request
	file    *os.File // sent with the request; may be nil
	limit   time.Duration
	deliver func(answer) // called with the answer before any caller gets it; may be nil
	opens   string       // the file that an open looks up, see opening; "" for other questions

	worker   *worker
	id       uint64 // in packets
	thread   int    // worker's thread that waits for the answer; 0: not known
	tries    int
	began    time.Time // when a worker was ready to ask
	timer    *time.Timer
	isLate   bool
	late     chan struct{} // closed when the limit has passed
	answered chan struct{} // closed when answer and err are set
	answer   answer
	err      error
}

// ask asks q, or joins the question of the same name, and waits for the answer. It returns ErrTimeout when the question's limit
// passes or ctx ends. If the limit of the joined question has already passed, it returns at once.
func (a *Asker) ask(ctx context.Context, q *question) (answer, error) {
	q = a.coalesce(q)
	select {
	case <-q.answered: // an answer takes precedence
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

// age returns the time since q began, rounded to two digits for a message.
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
		a.conclude(q, answer{}, fmt.Errorf("%w: the driver is ending", ErrNotAsked))
		return q
	}
	if a.asked == nil {
		a.asked = map[string]*question{}
	}
	a.asked[q.name] = q
	a.assign(q)
	return q
}

// The functions from here to retire are called with the lock held.

// isOver reports whether the thread that waited for the answer to q has ended. Another thread may keep the killed process alive.
// Without this check, a client that was slow once would seem to hang for as long as another client hangs.
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

// startTimer starts the time limit for an answer. The time that the worker takes to start does not count, because no client
// causes it.
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

// conclude gives q's callers the answer or the error.
func (a *Asker) conclude(q *question, answer answer, err error) {
	if q.timer != nil {
		q.timer.Stop()
	}
	if a.asked[q.name] == q { // it was not asked again
		delete(a.asked, q.name)
	}
	q.answer, q.err = answer, err
	if q.deliver != nil {
		q.deliver(answer)
	}
	close(q.answered)
}

// worker returns the worker that gets new questions. It starts one if there is none.
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

// retire gives w no more questions, and kills it if none of its questions can still be answered in time.
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

// Prepare starts the child process, so that the next question does not wait for its start. It returns at once.
func (a *Asker) Prepare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.worker()
	}
}

// Close kills the child processes and does not wait for their end. Waiting callers get ErrNotAsked.
func (a *Asker) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for w := range a.workers {
		for _, q := range w.questions {
			a.conclude(q, answer{}, fmt.Errorf("%w: the driver is ending", ErrNotAsked))
		}
		clear(w.questions)
		a.retire(w)
	}
}
