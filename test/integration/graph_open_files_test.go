package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// A file of several pages, which the kernel caches.
const cachedBytes = 64 << 10

// pastAttributeTimeout is longer than the kernel keeps the attributes of a file without asking, by default.
const pastAttributeTimeout = 2 * time.Second

// TestOpenFilesAfterAGraphChange: after a change of a volume's graph, the kernel caches a file that was opened before separately
// from the same file opened later. What is written through one of them must be read through the other, as between two nodes.
// Without auto-invalidation, which is how a client runs by default, it never is.
func TestOpenFilesAfterAGraphChange(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	for _, test := range []struct {
		name       string
		parameters map[string]string
		flags      []string
		wait       time.Duration // between writing and reading
		stale      bool
	}{
		{"by default", nil, nil, pastAttributeTimeout, false},
		{"profile database", map[string]string{"profile": "database"}, nil, 0, false},
		{"GlusterFS's own default", nil, []string{"auto-invalidation=off"}, pastAttributeTimeout, true},
	} {
		r.Run(test.name, func(t *testing.T) {
			r := r.on(t)
			v := r.create(createRequest(test.parameters))
			path := r.inside(n, r.publish(n, v, r.stage(n, v, test.flags...), false), "file")
			r.ok(os.WriteFile(path, pages('0'), 0o600), "make a file")
			before, err := os.OpenFile(path, os.O_RDWR, 0)
			r.ok(err, "open the file")
			defer func() { r.ok(before.Close(), "close the file") }()
			r.ok(holds(before, '0'), "read the file")

			r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", "on")
			time.Sleep(3 * time.Second) // until the client has the graph, and the kernel looks the name up again
			after, err := os.OpenFile(path, os.O_RDWR, 0)
			r.ok(err, "open the file after the change")
			defer func() { r.ok(after.Close(), "close the file") }()
			r.ok(errors.Join(holds(before, '0'), holds(after, '0')), "read the file after the change")

			var failed []error
			for i := range byte(4) {
				from, to := before, after
				if i%2 == 1 {
					from, to = after, before
				}
				_, err := from.WriteAt(pages('1'+i), 0)
				r.ok(errors.Join(err, from.Sync()), "write to the file")
				time.Sleep(test.wait)
				failed = append(failed, holds(to, '1'+i))
			}
			if err := errors.Join(failed...); (err != nil) != test.stale {
				t.Errorf("stale reads: %v, want some: %t", err, test.stale)
			}
		})
	}
}

func pages(b byte) []byte { return bytes.Repeat([]byte{b}, cachedBytes) }

// holds returns an error if a file does not hold pages(b). It reads through an open descriptor.
func holds(file *os.File, b byte) error {
	got := make([]byte, cachedBytes)
	if _, err := file.ReadAt(got, 0); err != nil {
		return err
	}
	if !bytes.Equal(got, pages(b)) {
		return fmt.Errorf("%c is read at the beginning of the file and %c at its end, want %c", got[0], got[len(got)-1], b)
	}
	return nil
}
