package temporary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// edit changes the database while no Heketi runs. Heketi has no request for such changes, so the database is exported, changed
// and imported. Nothing is written if change returns nil.
func (o Options) edit(ctx context.Context, change func(exported []byte) (changed []byte, err error)) error {
	exported, imported := o.Database()+".json", o.Database()+".changed"
	if err := remove(exported, imported); err != nil { // left by a run that was killed
		return err
	}
	if err := o.db(ctx, "export", exported, o.Database()); err != nil {
		return err
	}
	content, err := os.ReadFile(exported) // #nosec G304 -- the chart names the directory
	if err != nil {
		return err
	}
	changed, err := change(content)
	if err != nil {
		return err
	}
	if changed == nil {
		return remove(exported)
	}
	if err := os.WriteFile(exported, changed, 0o600); err != nil { // #nosec G703 -- the name is ours
		return err
	}
	if err := o.db(ctx, "import", exported, imported); err != nil {
		return err
	}
	if err := os.Rename(imported, o.Database()); err != nil {
		return err
	}
	return remove(exported)
}

// db runs heketi db export or import.
func (o Options) db(ctx context.Context, action, text, file string) error {
	cmd := exec.CommandContext(ctx, o.Program, "db", action, "--jsonfile="+text, "--dbfile="+file) // #nosec G204 -- the chart names the program
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	const longest = 600
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s db %s: %w: %s", o.Program, action, err, plain.Line(string(out), longest))
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
