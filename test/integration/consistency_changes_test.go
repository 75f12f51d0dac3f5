package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// change is an action of one client on a file, and a test of whether another client sees it.
type change struct {
	name   string
	before func(path string) error // creates the initial state of the file
	do     func(path string) error
	seen   func(path string) bool // reports whether the state differs from the initial one
}

// changes are the ways in which one client's work becomes visible to another.
func changes() []change {
	return []change{
		{"create", nothing, fill("new"), exists},
		{"create, in a list", nothing, fill("new"), listed},
		{"rename to a new name", aside, intoPlace, exists},
		{"rename to a new name, by the directory's time", aside, intoPlace, directoryChanged},
		{"link to a new name", aside, func(path string) error { return os.Link(path+".new", path) }, exists},
		{"append, by the size", fill("old"), func(path string) error { return writeIn(path, os.O_APPEND) }, has(6, "")},
		{"write in place", fill("old"), func(path string) error { return writeIn(path, 0) }, has(3, "new")},
		{"rename over the file", func(path string) error { return errors.Join(fill("old")(path), aside(path)) }, intoPlace, has(3, "new")},
		{"rename away", fill("old"), func(path string) error { return os.Rename(path, path+".old") }, gone},
		{"delete", fill("old"), os.Remove, gone},
	}
}

func nothing(string) error { return nil }

func fill(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}

// aside creates another file in the same directory, unknown to the observer.
func aside(path string) error     { return fill("new")(path + ".new") }
func intoPlace(path string) error { return os.Rename(path+".new", path) }

func writeIn(path string, flag int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("new")
	return errors.Join(err, f.Close())
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }
func gone(path string) bool   { return !exists(path) }

func listed(path string) bool {
	entries, err := os.ReadDir(filepath.Dir(path))
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == filepath.Base(path) })
}

// has returns a function that reports whether a file has that size, and that content unless content is empty.
func has(size int64, content string) func(path string) bool {
	return func(path string) bool {
		info, err := os.Lstat(path)
		if err != nil || info.Size() != size || content == "" {
			return err == nil && info.Size() == size
		}
		data, err := os.ReadFile(path)
		return err == nil && string(data) == content
	}
}

// directoryChanged reports whether the directory was changed later than markAge after the mark, another file in it. Both times
// are the servers'.
func directoryChanged(path string) bool {
	directory, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return false
	}
	file, err := os.Lstat(path + ".mark")
	return err == nil && directory.ModTime().After(file.ModTime().Add(markAge))
}

// markAge is how much later than the mark a change is made.
const markAge = 200 * time.Millisecond

// rounds is the number of times that each change is made.
const rounds = 2

// watch makes a change in one client's directory. It returns the longest time until the other client saw it.
func (c change) watch(observer, writer string, limit time.Duration) (longest time.Duration, err error) {
	for round := range rounds {
		name := strconv.Itoa(round)
		path, seen := filepath.Join(writer, name), filepath.Join(observer, name)
		if err := errors.Join(c.before(path), fill("")(path+".mark")); err != nil {
			return 0, err
		}
		for begin := time.Now(); time.Since(begin) < 2*markAge; time.Sleep(markAge / 10) { // fills the caches
			if c.seen(seen) {
				return 0, errors.New("it is seen before it is done")
			}
		}
		if err := c.do(path); err != nil {
			return 0, err
		}
		begin := time.Now()
		for !c.seen(seen) {
			if time.Since(begin) > limit {
				return 0, fmt.Errorf("it is not seen after %s", limit)
			}
			time.Sleep(2 * time.Millisecond)
		}
		longest = max(longest, time.Since(begin))
	}
	return longest, nil
}
