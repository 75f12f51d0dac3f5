package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// cachedBytes is the size of a file with several pages, which the kernel caches.
const cachedBytes = 64 << 10

// TestOpenFilesAfterAGraphChange: after a change of a volume's graph, the kernel has separate caches for a file that was open
// before and for the same file opened again. With the profile database, a process that opens the file must read what another
// process writes through the old descriptor. With GlusterFS's defaults it does not (docs/mounts.md).
func TestOpenFilesAfterAGraphChange(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	for _, test := range []struct {
		profile string
		stale   bool
	}{
		{"database", false},
		{"general", true},
	} {
		r.Run(test.profile, func(t *testing.T) {
			r := r.on(t)
			v := r.create(createRequest(map[string]string{"profile": test.profile}))
			path := r.inside(n, r.publish(n, v, r.stage(n, v), false), "file")
			r.ok(os.WriteFile(path, pages('0'), 0o600), "make a file")
			before, err := os.OpenFile(path, os.O_RDWR, 0)
			r.ok(err, "open the file")
			defer func() { r.ok(before.Close(), "close the file") }()
			r.ok(errors.Join(holds(before, '0'), reads(path, '0')), "read the file")

			r.gluster(1, "volume", "set", nameOf(v), "performance.nl-cache", "on")
			r.eventually(commandLimit, "the kernel finds another file by this name", func() error { return replaced(before, path) })
			r.ok(errors.Join(holds(before, '0'), reads(path, '0')), "read the file after the change")
			const turns = 4
			failed := make([]error, 0, turns)
			for i := range byte(turns) {
				_, err := before.WriteAt(pages('1'+i), 0)
				r.ok(errors.Join(err, before.Sync()), "write to the file")
				failed = append(failed, reads(path, '1'+i))
			}
			if err := errors.Join(failed...); (err != nil) != test.stale {
				t.Errorf("stale reads: %v, want some: %t", err, test.stale)
			}
		})
	}
}

// replaced returns an error until the kernel has looked up the path in the client's new graph. The path then leads to another
// file than the open one, whose name the kernel marks as deleted.
func replaced(opened *os.File, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", opened.Fd()))
	if err == nil && !strings.HasSuffix(name, " (deleted)") {
		err = fmt.Errorf("the open file is still %s", name)
	}
	return err
}

// reads opens a file and returns an error if it does not hold pages(b).
func reads(path string, b byte) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(holds(file, b), file.Close())
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
