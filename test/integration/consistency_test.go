package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestConsistency measures how long it takes until one client sees another's changes, for each profile. docs/classes.md has the
// results, and explains the causes of the limits below.
func TestConsistency(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		profile string
		limit   time.Duration // as documented
		old     int           // reads of old data under a lock, in files that are opened again; -1 means any number
	}{
		{"general", 3 * time.Second, -1},
		{"small-files", 30 * time.Second, -1},
		{"large-files", 3 * time.Second, -1},
		{"virtual-machines", 3 * time.Second, -1},
		{"database", 3 * time.Second, 0},
	} {
		r.Run(c.profile, func(t *testing.T) {
			const slack = 30 * time.Second // for a busy machine
			r := r.on(t)
			v := r.create(createRequest(map[string]string{"profile": c.profile}))
			var clients [2]string
			for i, n := range r.nodes {
				clients[i] = r.inside(n, r.publish(n, v, r.stage(n, v), false))
			}
			observer, writer := clients[0], clients[1]
			var out bytes.Buffer
			table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
			for i, took := range r.watchAll(observer, writer, c.limit+slack) {
				fmt.Fprintf(table, "%s\t%s\n", changes()[i].name, took.Round(time.Millisecond))
			}
			for _, how := range []string{"kept open", "opened again"} {
				old := r.oldReads(observer, writer, how == "opened again")
				fmt.Fprintf(table, "read after a lock, file %s\told data %d times of %d\n", how, old, turns)
				if how == "opened again" && c.old >= 0 && old != c.old {
					t.Errorf("%d reads after a lock saw old data, documented are %d", old, c.old)
				}
			}
			r.ok(table.Flush(), "table")
			t.Log("seen by the other client after\n" + out.String())
		})
	}
}

// watchAll watches all changes concurrently, each in a separate directory.
func (r *rig) watchAll(observer, writer string, limit time.Duration) []time.Duration {
	r.Helper()
	longest := make([]time.Duration, len(changes()))
	var group errgroup.Group
	for i, c := range changes() {
		name := strings.ReplaceAll(c.name, " ", "-")
		r.ok(os.Mkdir(filepath.Join(writer, name), 0o700), "make a directory")
		group.Go(func() (err error) {
			if longest[i], err = c.watch(filepath.Join(observer, name), filepath.Join(writer, name), limit); err != nil {
				err = fmt.Errorf("%s: %w", c.name, err)
			}
			return err
		})
	}
	r.ok(group.Wait(), "see what the other client did")
	return longest
}

// turns is the number of times that the lock changes hands.
const turns = 20

// oldReads lets two clients write and read a file in turns, under a lock. It counts how often the reader sees the content from
// before the writer's turn.
func (r *rig) oldReads(observer, writer string, reopen bool) (old int) {
	r.Helper()
	name := fmt.Sprintf("locked-%t", reopen)
	r.ok(fill("00")(filepath.Join(writer, name)), "write")
	open := func(client string) *os.File {
		f, err := os.OpenFile(filepath.Join(client, name), os.O_RDWR, 0)
		r.ok(err, "open")
		return f
	}
	read, written := open(observer), open(writer)
	for i := range turns {
		text := fmt.Sprintf("%02d", i+1)
		r.ok(locked(written, func() error { _, err := written.WriteAt([]byte(text), 0); return err }), "write under a lock")
		if reopen {
			r.ok(read.Close(), "close")
			read = open(observer)
		}
		got := make([]byte, len(text))
		r.ok(locked(read, func() error { _, err := read.ReadAt(got, 0); return err }), "read under a lock")
		if string(got) != text {
			old++
		}
	}
	r.ok(errors.Join(read.Close(), written.Close()), "close")
	return old
}

func locked(f *os.File, do func() error) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return errors.Join(do(), syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
}
