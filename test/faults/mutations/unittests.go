package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// testMutant is a rule that a package's unit tests check: its situation is too rare in schedules, or does not occur between the
// driver and Heketi.
type testMutant struct {
	Mutant
	Package string // relative to the module's directory
	Tests   string // one of these has to fail; a regular expression for go test -run
}

// hunt runs the tests with the mutant. It reports whether one has failed, and returns the tests' output.
func (m testMutant) hunt(ctx context.Context, root, dir string) (caught bool, output string, err error) {
	sound := filepath.Join(dir, strings.ReplaceAll(m.Package, "/", "-")+".test") // for all mutants of the package
	if _, err := os.Stat(sound); errors.Is(err, fs.ErrNotExist) {
		err = m.build(ctx, root, sound)
		if err != nil {
			return false, "", err
		}
	}
	passed, err := m.run(ctx, root, sound)
	if err != nil {
		return false, "", err
	}
	if !bytes.Contains(passed, []byte("\n--- PASS: ")) || bytes.Contains(passed, []byte("--- FAIL")) {
		return false, "", fmt.Errorf("mutant %s: tests %s of %s do not pass without it, or there are none:\n%s", m.Name, m.Tests, m.Package, passed)
	}
	dir = filepath.Join(dir, m.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, "", err
	}
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return false, "", err
	}
	mutant := filepath.Join(dir, "test")
	if err := m.build(ctx, root, mutant, "-overlay", overlay); err != nil {
		return false, "", err
	}
	failed, err := m.run(ctx, root, mutant)
	return bytes.Contains(failed, []byte("--- FAIL")) || bytes.Contains(failed, []byte("\npanic: ")), string(failed), errors.Join(err, os.Remove(mutant))
}

// build builds the package's tests, without debug information, which is faster.
func (m testMutant) build(ctx context.Context, root, binary string, flags ...string) error {
	arguments := slices.Concat([]string{"test", "-c", "-vet=off", "-ldflags=-w", "-o", binary}, flags, []string{"./" + m.Package})
	build := exec.CommandContext(ctx, "go", arguments...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("mutant %s does not build: %w\n%s", m.Name, err, out)
	}
	return nil
}

// run returns the tests' output.
func (m testMutant) run(ctx context.Context, root, binary string) ([]byte, error) {
	test := exec.CommandContext(ctx, binary, "-test.run=^("+m.Tests+")$", "-test.v", "-test.timeout=1m")
	test.Dir = filepath.Join(root, m.Package)
	out, err := test.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return append([]byte("\n"), out...), nil
}
