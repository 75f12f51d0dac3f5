package temporary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

// edit changes the database while no Heketi runs. Heketi has no request for such changes, so the database is exported, changed
// and imported. The parameter what describes the change in error messages. The function change makes the change, and reports
// whether there was something to change. If not, nothing is written.
func (o Options) edit(ctx context.Context, what string, change func(*export) bool) error {
	text, imported := o.Database()+".json", o.Database()+".changed"
	if err := remove(text, imported); err != nil { // left by a run that was killed
		return err
	}
	exported, err := database.Export(ctx, o.Program, o.Database())
	if err != nil {
		return err
	}
	content, err := changed(exported, change)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if content == nil {
		return nil
	}
	if err := os.WriteFile(text, content, 0o600); err != nil {
		return err
	}
	if err := o.importFile(ctx, text, imported); err != nil {
		return err
	}
	if err := os.Rename(imported, o.Database()); err != nil {
		return err
	}
	return remove(text)
}

// changed returns an exported database after a change, or nil if the function change reports that there was nothing to change.
func changed(exported []byte, change func(*export) bool) ([]byte, error) {
	d := &export{}
	if err := json.Unmarshal(exported, &d.sections); err != nil {
		return nil, err
	}
	found := change(d)
	if err := errors.Join(d.errs...); err != nil || !found {
		return nil, err
	}
	return encoded(d.sections), nil
}

// importFile makes a database file from the text of an export.
func (o Options) importFile(ctx context.Context, text, file string) error {
	cmd := exec.CommandContext(ctx, o.Program, "db", "import", "--jsonfile="+text, "--dbfile="+file) // #nosec G204 -- the chart names the program
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	const longest = 600
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s db import: %w: %s", o.Program, err, plain.Line(string(out), longest))
	}
	return nil
}

func remove(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
