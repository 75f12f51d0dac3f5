package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// moduleRoot finds the directory of this module, upwards from the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("go.mod not found: run this below the module's directory")
}

// apply returns the changed files of a mutant by their full paths. It fails if a piece does not occur exactly once: the source
// has changed, and the mutant has to be updated.
func (m Mutant) apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, edit := range m.Edits {
		path := filepath.Join(root, edit.File)
		source, ok := changed[path]
		if !ok {
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			source = string(raw)
		}
		if n := strings.Count(source, edit.Old); n != 1 {
			return nil, fmt.Errorf("mutant %s no longer fits: %s contains this %d times, want once:\n%s", m.Name, edit.File, n, edit.Old)
		}
		changed[path] = strings.Replace(source, edit.Old, edit.New, 1)
	}
	return changed, nil
}

// overlay writes the changed files of a mutant below dir, and a file that makes Go's tools use them instead of the sources.
func (m Mutant) overlay(root, dir string) (string, error) {
	changed, err := m.apply(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for path, source := range changed {
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(replace[path], []byte(source), 0o600); err != nil {
			return "", err
		}
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, raw, 0o600)
}

// build builds the driver with the changes of a mutant, without touching the source.
func (m Mutant) build(ctx context.Context, root, dir string) (driver string, err error) {
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return "", err
	}
	driver = filepath.Join(dir, "glusterfs-csi")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", driver, "./cmd/glusterfs-csi")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mutant %s does not build: %w\n%s", m.Name, err, out)
	}
	return driver, nil
}
