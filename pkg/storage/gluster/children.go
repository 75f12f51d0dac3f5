package gluster

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

// stat describes a process in /proc.
type stat struct {
	child
	parent int
	zombie bool
}

// childrenOf lists the children of a process.
func childrenOf(proc string, parent int) ([]stat, error) {
	dir, err := os.Open(proc) //nolint:gosec // /proc
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var children []stat
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		s, err := readStat(proc, pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) { // it has ended in the meantime
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.parent == parent {
			children = append(children, s)
		}
	}
	return children, nil
}

// readStat reads /proc/PID/stat: "PID (NAME) STATE PARENT …". The name may contain any character.
func readStat(proc string, pid int) (stat, error) {
	data, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat")) //nolint:gosec // below /proc
	if err != nil {
		return stat{}, fmt.Errorf("read the state of a process: %w", err)
	}
	text := string(data)
	begin, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return stat{}, fmt.Errorf("read the state of process %d: no name in %q", pid, text)
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 2 {
		return stat{}, fmt.Errorf("read the state of process %d: no parent in %q", pid, text)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, fmt.Errorf("read the state of process %d: no parent in %q", pid, text)
	}
	return stat{child{pid, text[begin+1 : end]}, parent, fields[0] == "Z" || fields[0] == "X"}, nil
}
