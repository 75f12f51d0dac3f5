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
)

// Rename gives a volume another name in the database, before Heketi is started. It does nothing if no volume has the name. Heketi
// has no request for it: its database is exported, changed and imported.
func (o Options) Rename(ctx context.Context, volume, name string) error {
	exported, imported := o.Database()+".json", o.Database()+".renamed"
	if err := remove(exported, imported); err != nil { // of a run that was killed
		return err
	}
	if err := o.db(ctx, "export", exported, o.Database()); err != nil {
		return err
	}
	content, err := os.ReadFile(exported) // #nosec G304 -- the chart names the directory
	if err != nil {
		return err
	}
	changed, found, err := renamed(content, volume, name)
	if err != nil {
		return fmt.Errorf("rename volume %s in Heketi's database: %w", volume, err)
	}
	if !found {
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

// renamed returns an exported database in which a volume has another name. All else in it stays as it is.
func renamed(content []byte, volume, name string) (changed []byte, found bool, err error) {
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(content, &sections); err != nil {
		return nil, false, err
	}
	var volumes, fields, info map[string]json.RawMessage
	if err := json.Unmarshal(sections["volumeentries"], &volumes); err != nil {
		return nil, false, fmt.Errorf("volumeentries: %w", err)
	}
	for id, entry := range volumes {
		fields, info = nil, nil
		if err := errors.Join(json.Unmarshal(entry, &fields), json.Unmarshal(fields["Info"], &info)); err != nil {
			return nil, false, fmt.Errorf("volumeentries.%s: %w", id, err)
		}
		if string(info["name"]) != string(quoted(volume)) {
			continue
		}
		info["name"], found = quoted(name), true
		if fields["Info"], err = json.Marshal(info); err != nil {
			return nil, false, err
		}
		if volumes[id], err = json.Marshal(fields); err != nil {
			return nil, false, err
		}
	}
	if sections["volumeentries"], err = json.Marshal(volumes); err != nil {
		return nil, false, err
	}
	changed, err = json.Marshal(sections)
	return changed, found, err
}

func remove(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
