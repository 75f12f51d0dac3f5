package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	modulePath   = "github.com/glusterfs-csi/glusterfs-csi"
	switchesPath = modulePath + "/test/mutations/switches"
)

// goPackage holds the needed fields of `go list`'s output for a package, under the same names.
type goPackage struct {
	ImportPath, Dir, Export   string
	GoFiles                   []string
	TestGoFiles, XTestGoFiles []string
	DepOnly                   bool
}

// folder returns the package's directory, relative to the module's.
func (p goPackage) folder() string { return strings.TrimPrefix(p.ImportPath, modulePath+"/") }

func (p goPackage) hasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// isMutated reports whether a package gets mutants. Packages that exist only for tests get none.
func (p goPackage) isMutated() bool {
	return !p.DepOnly && strings.HasPrefix(p.folder(), "pkg/") && !strings.HasSuffix(p.ImportPath, "test")
}

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

// list returns the packages that match patterns, with the packages that they import, compiled.
func list(ctx context.Context, root string, patterns ...string) ([]goPackage, error) {
	var stderr bytes.Buffer
	args := append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,TestGoFiles,XTestGoFiles,DepOnly"}, patterns...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) { //nolint:musttag // the names are those of the fields
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// generate returns the mutants of all packages and, by full path, each source file with its mutants built in.
func generate(packages []goPackage, skip map[string]bool) ([]mutant, map[string][]byte, error) {
	exports := map[string]string{}
	for _, p := range packages {
		exports[p.ImportPath] = p.Export
	}
	var all []mutant
	sources := map[string][]byte{}
	next := func() int { return len(all) }
	for _, p := range packages {
		if !p.isMutated() {
			continue
		}
		checked, err := check(p, exports)
		if err != nil {
			return nil, nil, err
		}
		for i, f := range checked.files {
			path := filepath.Join(p.Dir, p.GoFiles[i])
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, nil, err
			}
			first, n := next(), 0
			m := &mutator{
				fset: checked.fset, info: checked.info, source: source, pkg: p.folder(), file: filepath.Join(p.folder(), p.GoFiles[i]), skip: skip,
				next: func() int { n++; return first + n - 1 },
			}
			mutants, mutated := m.mutate(f)
			all = append(all, mutants...)
			if len(mutants) > 0 {
				sources[path] = mutated
			}
		}
	}
	return all, sources, nil
}

// checkedPackage holds a package's syntax and types.
type checkedPackage struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

func check(p goPackage, exports map[string]string) (*checkedPackage, error) {
	c := &checkedPackage{fset: token.NewFileSet(), info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
	}}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, f)
	}
	config := types.Config{Importer: importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := config.Check(p.ImportPath, c.fset, c.files, c.info); err != nil {
		return nil, err
	}
	return c, nil
}
