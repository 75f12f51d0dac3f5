package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// testMutant is a rule that the unit tests of a package hold: what they are about happens too seldom in schedules, or not
// between the driver and Heketi.
type testMutant struct {
	Mutant
	Package string // below the module's directory
	Tests   string // of them one has to fail, a regular expression as go test -run takes it
}

// hunt runs the tests with the mutant. It reports whether one has failed, and what the tests have printed.
func (m testMutant) hunt(ctx context.Context, root, dir string) (caught bool, output string, err error) {
	dir = filepath.Join(dir, m.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, "", err
	}
	sound, err := m.run(ctx, root, dir, nil)
	if err != nil {
		return false, "", err
	}
	if !bytes.Contains(sound, []byte("\n--- PASS: ")) || bytes.Contains(sound, []byte("--- FAIL")) {
		return false, "", fmt.Errorf("mutant %s: tests %s of %s do not pass without it, or there are none:\n%s", m.Name, m.Tests, m.Package, sound)
	}
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return false, "", err
	}
	mutated, err := m.run(ctx, root, dir, []string{"-overlay", overlay})
	return bytes.Contains(mutated, []byte("--- FAIL")) || bytes.Contains(mutated, []byte("\npanic: ")), string(mutated), err
}

// run returns what the tests print. It fails when they do not build.
func (m testMutant) run(ctx context.Context, root, dir string, flags []string) ([]byte, error) {
	binary := filepath.Join(dir, "test")
	build := exec.CommandContext(ctx, "go", append(append([]string{"test", "-c", "-vet=off", "-o", binary}, flags...), "./"+m.Package)...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mutant %s does not build: %w\n%s", m.Name, err, out)
	}
	test := exec.CommandContext(ctx, binary, "-test.run=^("+m.Tests+")$", "-test.v", "-test.timeout=1m")
	test.Dir = filepath.Join(root, m.Package)
	out, err := test.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return append([]byte("\n"), out...), nil
}
