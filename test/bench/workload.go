package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// part is a part of a workload with a separate row.
type part struct {
	name string
	do   func(u *user, turn int) error
}

// The kernel caches a file's attributes and entry for this long, with every profile: it is the default of the client's options
// attribute-timeout and entry-timeout. Before a part that returns to files, a workload waits a little longer.
const kernelRemembers = time.Second

// laterParts are the parts that begin after the kernel's cache has expired.
func laterParts() []string { return []string{"stat-again", "read-again", "list", "delete"} }

// workloads are the ways in which files are used. The parts of one inner list follow each other in each turn; the next list
// begins when all turns of the previous one are over.
func workloads() map[string][][]part {
	return map[string][][]part{"small-files": smallFiles(), "large-files": largeFiles()}
}

// A turn with small files uses some directories with some files each.
const (
	directories = 2
	directory   = 100
)

func smallFiles() [][]part {
	inEach := func(do func(dir string) error) func(u *user, turn int) error {
		return func(u *user, turn int) error {
			for i := range directories {
				if err := do(u.path(fmt.Sprintf("%d-%d", turn, i))); err != nil {
					return err
				}
			}
			return nil
		}
	}
	files := func(do func(path string) error) func(dir string) error {
		return func(dir string) error {
			for i := range directory {
				if err := do(filepath.Join(dir, strconv.Itoa(i))); err != nil {
					return err
				}
			}
			return nil
		}
	}
	content := make([]byte, smallFile)
	create := files(func(path string) error { return os.WriteFile(path, content, 0o600) })
	remove := files(os.Remove)
	stat := inEach(files(func(path string) error { _, err := os.Lstat(path); return err }))
	read := inEach(files(func(path string) error { _, err := os.ReadFile(path); return err }))
	missing := inEach(files(func(path string) error {
		if _, err := os.Lstat(path + ".missing"); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s.missing: %w, want that it does not exist", path, err)
		}
		return nil
	}))
	return [][]part{
		{{"create", inEach(func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), create(dir)) })}},
		{{"stat", stat}},
		{{"stat-again", stat}},
		{{"missing", missing}, {"missing-again", missing}},
		{{"read", read}},
		{{"read-again", read}},
		{{"list", inEach(listLong)}},
		{{"delete", inEach(func(dir string) error { return errors.Join(remove(dir), os.Remove(dir)) })}},
	}
}

// listLong does what ls -l does.
func listLong(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := e.Info(); err != nil {
			return err
		}
	}
	if len(entries) != directory {
		return fmt.Errorf("%s has %d files, want %d", dir, len(entries), directory)
	}
	return nil
}

// A turn with large files uses one file.
const (
	largeFile = 16 * mib
	changes   = 32 // in a file, at random positions
	block     = 64 * 1024
)

func largeFiles() [][]part {
	buffer := make([]byte, mib)
	for i := range buffer {
		buffer[i] = byte(i * 7)
	}
	inFile := func(flags int, do func(f *os.File) error) func(u *user, turn int) error {
		return func(u *user, turn int) error {
			f, err := os.OpenFile(u.path(strconv.Itoa(turn)), flags, 0o600)
			if err != nil {
				return err
			}
			return errors.Join(do(f), f.Close())
		}
	}
	write := func(f *os.File) error {
		for range largeFile / mib {
			if _, err := f.Write(buffer); err != nil {
				return err
			}
		}
		return f.Sync()
	}
	read := func(f *os.File) error {
		// Otherwise the file would be read from the kernel's cache.
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return err
		}
		n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, buffer)
		if err == nil && n != largeFile {
			err = fmt.Errorf("%s has %d bytes, want %d", f.Name(), n, largeFile)
		}
		return err
	}
	change := func(f *os.File) error {
		for range changes {
			if _, err := f.WriteAt(buffer[:block], rand.Int64N(largeFile/block)*block); err != nil {
				return err
			}
		}
		return f.Sync()
	}
	return [][]part{
		{{"write", inFile(os.O_WRONLY|os.O_CREATE, write)}},
		{{"read", inFile(os.O_RDONLY, read)}},
		{{"change", inFile(os.O_WRONLY, change)}},
	}
}

// partNames returns the names of a workload's parts, in order.
func partNames(work [][]part) []string {
	all := slices.Concat(work...)
	names := make([]string, 0, len(all))
	for _, p := range all {
		names = append(names, p.name)
	}
	return names
}

// useByTurns does the work in each of the directories, and returns the duration of each part in seconds for each directory. The
// cleanup is not measured.
func useByTurns(work [][]part, turns int, dirs []string) ([][]float64, error) {
	users, err := newUsers(dirs)
	if err != nil {
		return nil, err
	}
	seconds := make([][]float64, len(dirs))
	for _, together := range work {
		if slices.Contains(laterParts(), together[0].name) {
			time.Sleep(kernelRemembers + kernelRemembers/10)
		}
		first := len(seconds[0])
		for i := range seconds {
			seconds[i] = append(seconds[i], make([]float64, len(together))...)
		}
		for turn := range turns {
			for p, part := range together {
				if err := both(users, turn, part.do); err != nil {
					return nil, fmt.Errorf("%s: %w", part.name, err)
				}
				for i, u := range users {
					seconds[i][first+p] += u.seconds
					u.seconds = 0
				}
			}
		}
	}
	return seconds, clearAway(users)
}
