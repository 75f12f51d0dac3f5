package database

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// ErrUnreadable is returned when Heketi cannot read a database file.
var ErrUnreadable = errors.New("Heketi cannot read the database") //nolint:staticcheck // a name

// exportLimit bounds an export, which takes about a second. In a damaged file, Heketi may follow pages in a circle.
const exportLimit = 2 * time.Minute

// Export returns the content of a database file as JSON. No Heketi may use the file. program is the heketi binary, the only
// program that can read the file.
func Export(ctx context.Context, program, path string) ([]byte, error) {
	return export(ctx, program, path, exportLimit)
}

// export is Export with a limit. The program gets the files as its descriptors 3, 4 and so on.
func export(ctx context.Context, program, path string, limit time.Duration, files ...*os.File) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(limited, program, "db", "export", "--jsonfile=-", "--dbfile="+path) // #nosec G204 -- the chart names the program
	cmd.ExtraFiles, cmd.WaitDelay = files, time.Second
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	_, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("%w: %s db export did not end within %v", ErrUnreadable, program, limit)
	case exited:
		return nil, fmt.Errorf("%w: %s db export: %w: %s", ErrUnreadable, program, err, reason(complaint.String()))
	case err != nil:
		return nil, err
	}
	content := out[max(0, bytes.IndexByte(out, '{')):] // Heketi prints warnings before the JSON
	if !json.Valid(content) {
		return nil, fmt.Errorf("%w: %s db export printed %d bytes that are not JSON", ErrUnreadable, program, len(out))
	}
	return content, nil
}

// reason returns one line of what the program printed, without the stack of a panic.
func reason(complaint string) string {
	const longest = 200
	text, _, _ := strings.Cut(complaint, "\n\ngoroutine ")
	return plain.Line(text, longest)
}
