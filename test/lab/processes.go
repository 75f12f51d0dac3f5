package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Processes lists the processes in the machine's PID namespace that run the named program, by their process IDs on the host.
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
		comm, _ := os.ReadFile(name) // on an error, the process has just ended
		if err == nil && its == space && strings.TrimSpace(string(comm)) == program {
			found = append(found, filepath.Base(process))
		}
	}
	return found, nil
}
