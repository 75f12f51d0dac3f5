// Package memory reads and sets the memory limit of the cgroup in which a process runs. The limit applies to the whole cgroup.
package memory

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Group is the cgroup that counts the memory of a process.
type Group struct {
	dir, usage, limit string // usage and limit are files in dir
}

// Of returns the cgroup of a process.
func Of(pid int) (Group, error) {
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return Group{}, err
	}
	g := groupIn(string(groups))
	if g.dir == "" {
		return g, fmt.Errorf("process %d has no cgroup for memory:\n%s", pid, groups)
	}
	return g, nil
}

// groupIn finds the cgroup in the content of /proc/PID/cgroup.
func groupIn(groups string) (g Group) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) < 3:
		case strings.Contains(","+parts[1]+",", ",memory,"):
			return Group{"memory" + parts[2], "memory.usage_in_bytes", "memory.limit_in_bytes"}
		case parts[0] == "0" && g.dir == "":
			g = Group{parts[2], "memory.current", "memory.max"}
		}
	}
	return g
}

func (g Group) path(name string) string { return filepath.Join("/sys/fs/cgroup", g.dir, name) }

// Limit returns the limit, in bytes. Without a limit, version 2 returns an error, and version 1 a very large number.
func (g Group) Limit() (int, error) { return g.read(g.limit) }

func (g Group) read(name string) (int, error) {
	text, err := os.ReadFile(g.path(name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// SetRoom sets the limit to the present usage plus room.
func (g Group) SetRoom(room int) error {
	used, err := g.read(g.usage)
	if err != nil {
		return err
	}
	return os.WriteFile(g.path(g.limit), []byte(strconv.Itoa(used+room)), 0)
}
