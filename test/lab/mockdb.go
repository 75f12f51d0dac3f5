package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Import restarts the Heketi on the same port with a database that Heketi makes from a dump (heketi-cli db dump), and without its
// limit of 1000 volumes for each cluster.
func (m *MockHeketi) Import(ctx context.Context, dump []byte) (err error) {
	dir, err := os.MkdirTemp(m.dir, "import")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	text, db := filepath.Join(dir, "dump.json"), filepath.Join(dir, "heketi.db")
	if err := os.WriteFile(text, dump, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, m.server, "db", "import", "--jsonfile="+text, "--dbfile="+db)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("import a database: %w: %s", err, out)
	}
	if err := m.Kill(); err != nil {
		return err
	}
	if err := m.replaceDB(db); err != nil {
		return err
	}
	return m.Reconfigure(ctx, map[string]any{"max_volumes_per_cluster": -1})
}

// replaceDB copies a file into the database in memory: Heketi imports only into a file that does not exist.
func (m *MockHeketi) replaceDB(path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	if err := m.db.Truncate(0); err != nil {
		return err
	}
	if _, err := m.db.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(m.db, from)
	return err
}
