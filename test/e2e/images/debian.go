package main

import (
	"archive/tar"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

const (
	debianRelease = "bookworm"
	busyboxPath   = "bin/busybox"
)

//go:embed files/passwd
var passwd []byte

//go:embed files/group
var group []byte

// debian makes two layers: Debian packages, busybox among them, without their installation scripts; and a few files that those
// scripts would create, with links for busybox's commands.
func debian(packages ...string) maker {
	return func(ctx context.Context) ([]layer, error) {
		dir, err := os.MkdirTemp("", "debian-")
		if err != nil {
			return nil, err
		}
		archive := filepath.Join(dir, "packages.tar")
		cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--variant=extract",
			"--include="+strings.Join(packages, ","), debianRelease, archive)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("mmdebstrap: %w: %s", err, out)
		}
		below, err := sumLayer(archive)
		if err != nil {
			return nil, err
		}
		names, err := unpackBusybox(archive, dir)
		if err != nil {
			return nil, err
		}
		files := []file{
			{name: "tmp", mode: 0o1777, directory: true},
			{name: "run", mode: 0o755, directory: true},
			{name: "root", mode: 0o700, directory: true},
			{name: "etc/passwd", mode: 0o644, content: passwd},
			{name: "etc/group", mode: 0o644, content: group},
		}
		out, err := exec.CommandContext(ctx, filepath.Join(dir, "busybox"), "--list-full").Output()
		if err != nil {
			return nil, fmt.Errorf("commands of busybox: %w", err)
		}
		for command := range strings.FieldsSeq(string(out)) {
			if !names[command] {
				files = append(files, file{name: command, link: "/" + busyboxPath})
			}
		}
		above, err := fileLayer(files...)(ctx)
		return append([]layer{below}, above...), err
	}
}

// unpackBusybox extracts the program from the archive, and lists all names there.
func unpackBusybox(archive, dir string) (map[string]bool, error) {
	in, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	names := map[string]bool{}
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean(header.Name)
		names[name] = true
		if name == busyboxPath {
			data, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(dir, "busybox"), data, 0o755); err != nil {
				return nil, err
			}
		}
	}
}
