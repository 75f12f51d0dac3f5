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

// Gate holds calls of one program that Heketi makes on the storage machines, so that a test can examine Heketi at a certain stage
// of its work for as long as necessary.
type Gate struct {
	dir, stub string
}

// When is the point at which a call is held.
type When string

// With Before, a call is held before it is carried out; when the gate opens, the call is dropped as if it had never arrived. With
// After, a call is carried out, and then held, so that Heketi does not see the result until the gate opens.
const (
	Before When = "before"
	After  When = "after"
)

// Hold makes a gate for calls of a program whose arguments contain pattern. There is one gate at a time. Only programs that
// Heketi calls without a path can be held. This excludes lvm, which Heketi calls by its full path.
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

// Wait waits until the given number of calls is held.
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

// Open lets all calls continue. It may be called more than once.
func (g *Gate) Open() error {
	if err := os.Remove(g.stub); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(g.dir)
}
