package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Gate holds calls of one program that Heketi makes on the storage machines, so that a test finds Heketi at a certain
// stage of its work for as long as it likes.
type Gate struct {
	dir, stub string
}

// When says where in a call the gate is.
type When string

// A call is held before it is carried out, and then given up as if it had never arrived, or after it was carried out, so
// that Heketi does not learn of it.
const (
	Before When = "before"
	After  When = "after"
)

// Hold makes a gate for calls of a program whose arguments contain pattern. There is one gate at a time. Programs that
// Heketi calls by their full path, which is lvm only, do not pass it.
func (l *Lab) Hold(program, pattern string, when When) (*Gate, error) {
	g := &Gate{dir: l.layout.Path("gate"), stub: l.layout.Path("standin", program)}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	for name, content := range map[string]string{"pattern": pattern, "when": string(when)} {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(content), 0o644); err != nil {
			return nil, errors.Join(err, g.Open())
		}
	}
	if err := os.Symlink("gate", g.stub); err != nil {
		return nil, errors.Join(err, g.Open())
	}
	return g, nil
}

// Wait waits until so many calls are held.
func (g *Gate) Wait(ctx context.Context, calls int) error {
	for {
		held, err := filepath.Glob(filepath.Join(g.dir, "held.*"))
		if err != nil || len(held) >= calls {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gate on %s: %d calls are held, want %d: %w", filepath.Base(g.stub), len(held), calls, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Open lets all calls go on. It may be called again.
func (g *Gate) Open() error {
	if err := os.Remove(g.stub); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(g.dir)
}
