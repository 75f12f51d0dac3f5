package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	chunks, chunk  = 32, 8 * mib // of the large file
	batches, batch = 40, 50      // of the small files
	smallFile      = 4096
)

// user is one of two directories in which the same work is done in turns, so that other load on the machine affects both.
type user struct {
	root    string
	large   *os.File
	seconds float64
}

// useFiles writes and reads a large file and many small ones in each directory, and returns the durations in seconds. Removing
// the files is not measured.
func useFiles(dirs []string) ([]float64, error) {
	users, err := newUsers(dirs)
	if err != nil {
		return nil, err
	}
	data := make([]byte, chunk)
	for i := range data {
		data[i] = byte(i * 7)
	}
	phases := []struct {
		turns int
		do    func(u *user, turn int) error
	}{
		{1, func(u *user, _ int) (err error) { u.large, err = os.Create(u.path("large")); return err }},
		{chunks, func(u *user, _ int) error { _, err := u.large.Write(data); return err }},
		{1, func(u *user, _ int) error { return u.large.Sync() }},
		{1, func(u *user, _ int) error { return u.large.Close() }},
		// Opening the file drops the kernel's cache of it.
		{1, func(u *user, _ int) (err error) { u.large, err = os.Open(u.path("large")); return err }},
		{chunks, func(u *user, _ int) error { _, err := io.ReadFull(u.large, data); return err }},
		{1, func(u *user, _ int) error { return u.large.Close() }},
		{batches, func(u *user, turn int) error {
			return u.small(turn, func(path string) error { return os.WriteFile(path, data[:smallFile], 0o644) })
		}},
		{batches, func(u *user, turn int) error {
			return u.small(turn, func(path string) error { _, err := os.ReadFile(path); return err })
		}},
	}
	for _, p := range phases {
		for turn := range p.turns {
			if err := both(users, turn, p.do); err != nil {
				return nil, err
			}
		}
	}
	seconds := make([]float64, len(users))
	for i, u := range users {
		seconds[i] = u.seconds
	}
	return seconds, clearAway(users)
}

// newUsers makes a directory for each user, below one of dirs.
func newUsers(dirs []string) ([]*user, error) {
	users := make([]*user, len(dirs))
	for i, dir := range dirs {
		root, err := os.MkdirTemp(dir, "use")
		if err != nil {
			return nil, err
		}
		users[i] = &user{root: root}
	}
	return users, nil
}

func clearAway(users []*user) error {
	for _, u := range users {
		if err := os.RemoveAll(u.root); err != nil {
			return err
		}
	}
	return nil
}

// both gives each user one turn. They alternate in going first.
func both(users []*user, turn int, do func(u *user, turn int) error) error {
	for i := range users {
		u := users[(i+turn)%len(users)]
		begin := time.Now()
		if err := do(u, turn); err != nil {
			return err
		}
		u.seconds += clock(begin)
	}
	return nil
}

func (u *user) path(name string) string { return filepath.Join(u.root, name) }

// small does something with each file of a batch.
func (u *user) small(turn int, do func(path string) error) error {
	for i := range batch {
		if err := do(u.path(fmt.Sprintf("small%04d", turn*batch+i))); err != nil {
			return err
		}
	}
	return nil
}
