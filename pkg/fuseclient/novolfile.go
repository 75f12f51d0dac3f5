package fuseclient

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
)

// isMute reports whether a client still waits for its volume file. A client that has the file logs the graph (unless its log
// level is ERROR or above) and opens further connections: to the server that gave the file and to glusterd on each brick's
// server. If the connections cannot be counted, isMute returns false, and the client is left alone.
func (m *Manager) isMute(r record) bool {
	if slices.ContainsFunc(tail(m.logPath(r.Source.VolumeID)), func(line string) bool { return strings.HasPrefix(line, "Final graph:") }) {
		return false
	}
	connections, err := connections(r.Process)
	return err == nil && connections < 2
}

// connections returns how many TCP connections a process has, including those that are being set up.
func connections(p process) (int, error) {
	fds, err := os.ReadDir(p.procPath("fd"))
	if err != nil {
		return 0, err
	}
	own := map[string]bool{} // inodes of its sockets
	for _, fd := range fds {
		link, _ := os.Readlink(p.procPath("fd", fd.Name())) // "" if it was closed meanwhile
		if inode, ok := strings.CutPrefix(link, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	count := 0
	for _, family := range []string{"tcp", "tcp6"} {
		table, err := os.ReadFile(p.procPath("net", family))
		if errors.Is(err, os.ErrNotExist) && family == "tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return 0, err
		}
		for _, inode := range parseConnections(string(table)) {
			if own[inode] {
				count++
			}
		}
	}
	return count, nil
}

// parseConnections returns the inodes of sockets that belong to a process and do not listen. table has the format of
// /proc/net/tcp.
func parseConnections(table string) []string {
	const (
		state, inode = 3, 9 // fields; the header line has words there
		listens      = "0A"
	)
	var found []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) <= inode || fields[state] == listens {
			continue
		}
		if number, err := strconv.ParseUint(fields[inode], 10, 64); err == nil && number > 0 {
			found = append(found, fields[inode])
		}
	}
	return found
}
