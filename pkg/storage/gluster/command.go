package gluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

const (
	mostOutput  = 64 << 20 // largest output that is kept, in bytes
	mostMessage = 500      // longest error message that is kept, in bytes
	termWait    = 2 * time.Second
	killWait    = 5 * time.Second
	outputWait  = time.Second // a daemon that the program leaves behind may hold its output open
)

// Run implements runner.
func (r *reaper) Run(ctx context.Context, args ...string) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(args, " "), context.Cause(ctx))
	}
	stdout, err := newCapture()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", args[0], err)
	}
	defer stdout.close()
	stderr, err := newCapture()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", args[0], err)
	}
	defer stderr.close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", args[0], err)
	}
	defer null.Close()
	p, err := r.start([]*os.File{null, stdout.write, stderr.write}, true, args)
	if err != nil {
		return nil, err
	}
	stdout.collect()
	stderr.collect()
	failure := r.await(ctx, p)
	output, said := stdout.bytes(), string(stderr.bytes())
	if failure == nil && p.how != success {
		failure = errors.New(p.how)
	}
	if failure == nil {
		return output, nil
	}
	if strings.TrimSpace(said) == "" {
		said = string(output[:min(len(output), mostMessage)]) // gluster prints some of its errors on standard output
	}
	return output, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), failure, plain.Line(said, mostMessage))
}

// success is the status of a process that succeeded.
const success = "exit status 0"

// await waits for the end of a process. When ctx is done, await ends the process. A process that survives SIGKILL is blocked in
// the kernel by a device; await leaves it behind.
func (r *reaper) await(ctx context.Context, p *process) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{{syscall.SIGTERM, termWait}, {syscall.SIGKILL, killWait}} {
		if err := r.signalGroup(p, step.signal); err != nil {
			return err
		}
		if p.endedWithin(step.limit) {
			return cause
		}
	}
	return fmt.Errorf("%w, and process %d cannot be killed: it is blocked by a device", cause, p.pid)
}

// capture reads a program's output.
type capture struct {
	read, write *os.File
	data        []byte
	done        chan struct{}
}

func newCapture() (*capture, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &capture{read: read, write: write, done: make(chan struct{})}, nil
}

// collect closes this process's writing end of the pipe, and starts reading. It must be called after the program's start, so that
// the program has a copy of that end.
func (c *capture) collect() {
	_ = c.write.Close()
	go func() {
		defer close(c.done)
		c.data, _ = io.ReadAll(io.LimitReader(c.read, mostOutput)) // it fails only after bytes has closed the pipe
		_, _ = io.Copy(io.Discard, c.read)
	}()
}

// bytes returns the output, once the program has ended.
func (c *capture) bytes() []byte {
	select {
	case <-c.done:
	case <-time.After(outputWait):
		_ = c.read.Close() // ends the reading
		<-c.done
	}
	return c.data
}

// close may be called at any time.
func (c *capture) close() { _, _ = c.read.Close(), c.write.Close() }
