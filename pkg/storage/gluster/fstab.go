package gluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// fileSystem is an entry of fstab(5).
type fileSystem struct{ device, point, kind, options string }

// makeFstab makes an empty table of bricks if there is none. Heketi makes the table only when it mounts its first brick, but needs
// the table to undo an interrupted creation of a volume (cmdexec/brick.go: removeBrickFromFstab).
func makeFstab(path string) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755) //nolint:gosec // the mode that Heketi's mkdir gives it
	if err != nil {
		return fmt.Errorf("make the directory of the table of bricks: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // the mode that Heketi's tee gives it
	if err != nil {
		return fmt.Errorf("make the table of bricks: %w", err)
	}
	return f.Close()
}

// readFstab reads the entries of a file. A missing file is no error. Wrong lines are left out and reported in the error.
func readFstab(path string) ([]fileSystem, error) {
	f, err := os.Open(path) //nolint:gosec // configured
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the table of bricks: %w", err)
	}
	defer f.Close()
	entries, err := parseFstab(f)
	if err != nil {
		err = fmt.Errorf("read the table of bricks %s: %w", path, err)
	}
	return entries, err
}

// parseFstab returns the entries except swap and those that are not mounted at boot.
func parseFstab(r io.Reader) ([]fileSystem, error) {
	var entries []fileSystem
	var failures []error
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			failures = append(failures, fmt.Errorf("line %d needs a device, a mount point and a type: %q", number, lines.Text()))
			continue
		}
		for i := range fields {
			fields[i] = unescape(fields[i])
		}
		entry := fileSystem{device: fields[0], point: fields[1], kind: fields[2], options: "defaults"}
		if len(fields) > 3 {
			entry.options = fields[3]
		}
		if entry.kind == "swap" || slices.Contains(strings.Split(entry.options, ","), "noauto") {
			continue
		}
		if !filepath.IsAbs(entry.point) || filepath.Clean(entry.point) != entry.point || entry.point == "/" {
			failures = append(failures, fmt.Errorf("line %d: %q is not a mount point", number, entry.point))
			continue
		}
		entries = append(entries, entry)
	}
	return entries, errors.Join(append(failures, lines.Err())...)
}

// unescape replaces the escapes that fstab(5) has for blanks and similar characters, such as \040.
func unescape(field string) string {
	var plain strings.Builder
	for {
		before, after, found := strings.Cut(field, `\`)
		plain.WriteString(before)
		if !found {
			return plain.String()
		}
		field = after
		if len(after) >= 3 {
			if code, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				plain.WriteByte(byte(code))
				field = after[3:]
				continue
			}
		}
		plain.WriteByte('\\')
	}
}
