package logfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// openFiles lists the files below dir that processes of this container have open. It only reads the links in /proc: a stat of a
// link's target could block on a hung mount.
func openFiles(proc, dir string) (map[string]bool, error) {
	processes, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	open := map[string]bool{}
	for _, process := range processes {
		if _, err := strconv.Atoi(process.Name()); err != nil {
			continue
		}
		fds := filepath.Join(proc, process.Name(), "fd")
		links, err := os.ReadDir(fds)
		if err != nil && !hasEnded(err) {
			return nil, fmt.Errorf("list open files: %w", err)
		}
		for _, link := range links {
			target, err := os.Readlink(filepath.Join(fds, link.Name()))
			if err != nil && !hasEnded(err) {
				return nil, fmt.Errorf("list open files: %w", err)
			}
			if strings.HasPrefix(target, dir+"/") {
				open[target] = true
			}
		}
	}
	return open, nil
}

// hasEnded reports whether the error means that a process ended, or closed a file, while openFiles read its entry.
func hasEnded(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }
