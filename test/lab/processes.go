package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Processes lists the processes on the machine that run the named program, by their numbers as the host counts. They
// are those in the machine's PID namespace.
func (m *Machine) Processes(ctx context.Context, program string) ([]string, error) {
	pid, err := m.Pid(ctx)
	if err != nil {
		return nil, err
	}
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		process := filepath.Dir(name)
		its, err := os.Readlink(filepath.Join(process, "ns/pid"))
		comm, _ := os.ReadFile(name) // a process may end while one looks
		if err == nil && its == space && strings.TrimSpace(string(comm)) == program {
			found = append(found, filepath.Base(process))
		}
	}
	return found, nil
}
