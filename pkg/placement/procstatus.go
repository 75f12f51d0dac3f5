package placement

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// statusNumber returns the first number of a field of a process's status file, given the process's directory in /proc.
func statusNumber(process, field string) (number int, err error) {
	status, err := os.ReadFile(filepath.Join(process, "status")) //nolint:gosec // below /proc
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			_, err = fmt.Sscan(value, &number)
			return number, err
		}
	}
	return 0, fmt.Errorf("%s/status has no %s", process, field)
}
