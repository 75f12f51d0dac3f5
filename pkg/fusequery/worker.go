package fusequery

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// worker is a child process and its questions. The Asker's lock guards its fields.
type worker struct {
	questions map[uint64]*question // unanswered ones, by the number in the packets
	queue     []uint64             // not yet sent
	queued    chan struct{}        // wakes the sender
	ended     chan struct{}        // closed at the end of the process
	last      uint64               // last number given to a question
	ready     bool                 // it accepts questions
	retired   bool                 // it gets no more questions
	killed    bool
	process   *os.Process // nil before its start
	timer     *time.Timer // for its start, and for the time without questions
}

func newWorker() *worker {
	return &worker{questions: map[uint64]*question{}, queued: make(chan struct{}, 1), ended: make(chan struct{})}
}

// kill is called with the Asker's lock held.
func (w *worker) kill() {
	w.killed = true
	if w.process != nil {
		_ = w.process.Kill() // fails if it has ended
	}
}

// run manages a worker from start to end. The worker's side of the connection stays open until all threads of the process have
// ended. After that, cmd.Wait returns at once, and does not block a thread of this process.
func (a *Asker) run(w *worker) {
	cmd, conn, ended, err := a.launch()
	if err != nil {
		a.workerEnded(w, err)
		return
	}
	a.mu.Lock()
	w.process = cmd.Process
	if w.killed {
		w.kill()
	}
	a.mu.Unlock()
	a.receive(w, conn)
	if err = cmd.Wait(); err == nil {
		err = errors.New("exit status 0")
	}
	_ = conn.Close()
	ended()
	a.workerEnded(w, err)
}

func (a *Asker) launch() (cmd *exec.Cmd, conn *net.UnixConn, ended func(), err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "socketpair")
	defer theirs.Close()
	conn, err = connection(os.NewFile(uintptr(pair[0]), "socketpair"))
	if err != nil {
		return nil, nil, nil, err
	}
	// This path is the running program, even if its file has been replaced.
	cmd = exec.Command("/proc/self/exe", Argument) //nolint:noctx // the child outlives the call
	cmd.Args[0] = os.Args[0]
	cmd.Dir = "/"
	cmd.Env = []string{} // not the driver's, which may hold secrets
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	start := a.Start
	if start == nil {
		start = func(cmd *exec.Cmd) (func(), error) { return func() {}, cmd.Start() }
	}
	if ended, err = start(cmd); err != nil {
		_ = conn.Close()
		return nil, nil, nil, err
	}
	return cmd, conn, ended, nil
}

// connection turns file into a connection and closes file.
func connection(file *os.File) (*net.UnixConn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("use the socket: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("use the socket: it is not a unix socket")
	}
	return unixConn, nil
}

// send sends the questions that are queued for w.
func (a *Asker) send(w *worker, conn *net.UnixConn) {
	for {
		id, q := a.next(w)
		if q == nil {
			select {
			case <-w.queued:
				continue
			case <-w.ended:
				return
			}
		}
		asked := q.request
		asked.ID = id
		err := sendPacket(conn, asked, q.file)
		switch {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET), errors.Is(err, net.ErrClosed):
			return // the child has ended; receive notices that as well
		case err != nil:
			a.answered(w, id, answer{}, fmt.Errorf("%w: %w", ErrNotAsked, err))
		}
	}
}

func (a *Asker) next(w *worker) (uint64, *question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(w.queue) > 0 {
		id := w.queue[0]
		w.queue = w.queue[1:]
		if q := w.questions[id]; q != nil {
			return id, q
		}
	}
	return 0, nil
}

// receive processes the worker's answers until the worker ends. The first packet shows that the worker is ready.
func (a *Asker) receive(w *worker, conn *net.UnixConn) {
	buf := make([]byte, maxPacket)
	for {
		var got answer
		file, err := receivePacket(conn, buf, &got)
		if err != nil {
			return
		}
		switch {
		case got.ID == 0:
			a.isReady(w)
			go a.send(w, conn)
		case got.Thread != 0:
			a.recordThread(w, got.ID, got.Thread)
		default:
			got.file = file
			a.answered(w, got.ID, got, got.Failure.err())
		}
	}
}

func (a *Asker) isReady(w *worker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.ready = true
	for _, q := range w.questions {
		a.startTimer(q)
	}
	if len(w.questions) == 0 {
		a.idle(w)
	}
}

func (a *Asker) recordThread(w *worker, id uint64, thread int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q, ok := w.questions[id]; ok {
		q.thread = thread
	}
}

// threadEnded reports whether a thread of a killed process has ended. The first thread is a zombie until all threads have ended.
func threadEnded(pid, thread int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, thread))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
	}
	// The command's name, in parentheses, may contain any character.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 0 && (string(fields[0]) == "Z" || string(fields[0]) == "X")
}

// idle ends w if it gets no questions for a while. The lock is held.
func (a *Asker) idle(w *worker) {
	w.timer.Stop()
	last := w.last
	w.timer = time.AfterFunc(cmp.Or(a.idleLimit, defaultIdleLimit), func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if w.last == last {
			a.retire(w)
		}
	})
}

func (a *Asker) answered(w *worker, id uint64, got answer, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q, ok := w.questions[id]
	if !ok {
		if got.file != nil {
			_ = got.file.Close()
		}
		return
	}
	delete(w.questions, id)
	a.conclude(q, got, err)
	if w.retired {
		a.retire(w)
	} else if len(w.questions) == 0 {
		a.idle(w)
	}
}

// workerEnded is called when the process has ended or could not be started, for the given reason. Questions that still have time
// are asked again.
func (a *Asker) workerEnded(w *worker, reason error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(w.ended)
	delete(a.workers, w)
	if a.current == w {
		a.current = nil
	}
	for _, q := range w.questions {
		if q.isLate || q.tries == maxTries {
			a.conclude(q, answer{}, fmt.Errorf("%w: %w", ErrNotAsked, reason))
		} else {
			a.assign(q)
		}
	}
	clear(w.questions)
}
