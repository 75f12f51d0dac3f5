package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// suite is the tests of a package, compiled with all mutants.
type suite struct {
	pkg    string // below the module's directory
	dir    string // where its tests run
	binary string
	build  string // the module's build directory
	tests  []test
}

// build compiles the tests of all packages with all mutants. Mutants on lines that do not compile are left out, and counted.
func build(ctx context.Context, root, dir string, packages []goPackage) (mutants []mutant, suites []suite, unbuilt int, err error) {
	skip := map[string]bool{}
	for {
		var sources map[string][]byte
		if mutants, sources, err = generate(packages, skip); err != nil {
			return nil, nil, 0, err
		}
		overlay, err := writeOverlay(dir, sources)
		if err != nil {
			return nil, nil, 0, err
		}
		suites = nil
		broken := map[string]bool{}
		for _, p := range packages {
			if p.DepOnly || !p.hasTests() {
				continue
			}
			s := suite{pkg: p.folder(), dir: p.Dir, build: filepath.Join(root, "build"), binary: filepath.Join(dir, strings.ReplaceAll(p.folder(), "/", "_")+".test")}
			cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", overlay, "-o", s.binary, "./"+p.folder())
			cmd.Dir = root
			if out, err := cmd.CombinedOutput(); err != nil {
				lines := brokenLines(root, string(out))
				if len(lines) == 0 {
					return nil, nil, 0, fmt.Errorf("building the tests of %s: %w\n%s", p.folder(), err, out)
				}
				for _, line := range lines {
					broken[line] = true
				}
				continue
			}
			suites = append(suites, s)
		}
		if len(broken) == 0 {
			return mutants, suites, unbuilt, nil
		}
		for _, m := range mutants {
			if broken[fmt.Sprintf("%s:%d", m.file, m.line)] {
				unbuilt++
			}
		}
		for line := range broken {
			if skip[line] {
				return nil, nil, 0, fmt.Errorf("%s does not compile, even without its mutants", line)
			}
			skip[line] = true
		}
	}
}

// brokenLines returns the lines that a compiler complains about, as file:line below the module's directory.
func brokenLines(root, output string) []string {
	matches := regexp.MustCompile(`(?m)^(\S+\.go):(\d+)(?::\d+)?: `).FindAllStringSubmatch(output, -1)
	lines := make([]string, 0, len(matches))
	for _, match := range matches {
		path := match[1]
		if filepath.IsAbs(path) {
			if relative, err := filepath.Rel(root, path); err == nil {
				path = relative
			}
		}
		lines = append(lines, filepath.Clean(path)+":"+match[2])
	}
	return lines
}

// writeOverlay writes the sources into a directory, and returns the overlay file with which go uses them instead of the real
// ones.
func writeOverlay(dir string, sources map[string][]byte) (string, error) {
	replace := map[string]string{}
	for path, source := range sources {
		replace[path] = filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
		source = append([]byte("//line "+path+":1\n"), source...)
		if err := os.WriteFile(replace[path], source, 0o600); err != nil {
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
