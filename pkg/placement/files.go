package placement

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// settings returns configuration files that the client's libraries read. A distribution has only some of them.
func settings() []string {
	return []string{
		"/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
		"/etc/passwd", "/etc/group", "/etc/localtime", "/etc/ssl/openssl.cnf", "/etc/glusterfs/logger.conf",
	}
}

// fileSet holds the files and links that a client needs, by path.
type fileSet struct {
	files  map[string]fs.FileMode
	links  map[string]string // link to target
	listed map[string]bool   // names of libraries that are in the set
	loader string            // the client's dynamic loader
}

// clientFiles finds the files of the installed GlusterFS client.
func clientFiles(ctx context.Context, glusterfs string) (*fileSet, error) {
	set := &fileSet{files: map[string]fs.FileMode{}, links: map[string]string{}, listed: map[string]bool{}}
	if err := set.program(ctx, glusterfs); err != nil {
		return nil, err
	}
	// #nosec G204 -- the path is configured, and does not come from a request
	out, err := exec.CommandContext(ctx, glusterfs, "--print-xlatordir").Output()
	if err != nil {
		return nil, fmt.Errorf("ask the GlusterFS client for its translators: %w", err)
	}
	dir := strings.TrimSpace(string(out))
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("the GlusterFS client names %q as the directory of its translators", dir)
	}
	patterns := []string{filepath.Join(filepath.Dir(dir), "rpc-transport/*.so")}
	for _, kind := range volfile.Translators() { // server translators are left out, so that no volume file can load them
		patterns = append(patterns, filepath.Join(dir, kind+".so"))
	}
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(pattern) // the pattern is valid
		for _, path := range paths {
			if err := set.library(ctx, path); err != nil {
				return nil, err
			}
		}
	}
	for _, path := range settings() {
		if err := set.add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return set, nil
}

// program adds an executable with its loader and its libraries.
func (s *fileSet) program(ctx context.Context, path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read the GlusterFS client %s: %w", path, err)
	}
	defer file.Close()
	section := file.Section(".interp")
	if section == nil {
		return fmt.Errorf("the GlusterFS client %s is not linked dynamically", path)
	}
	loader, err := io.ReadAll(section.Open())
	if err != nil {
		return fmt.Errorf("read the GlusterFS client %s: %w", path, err)
	}
	s.loader = strings.TrimRight(string(loader), "\x00")
	if err := s.add(s.loader); err != nil {
		return err
	}
	return s.library(ctx, path)
}

// library adds a file and the libraries that it needs. It runs the loader only if a needed library is not in the set yet.
func (s *fileSet) library(ctx context.Context, path string) error {
	if err := s.add(path); err != nil {
		return err
	}
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	needed, err := file.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if !slices.ContainsFunc(needed, func(name string) bool { return !s.listed[name] }) {
		return nil
	}
	// #nosec G204 -- a library of the client, and its own loader
	out, err := exec.CommandContext(ctx, s.loader, "--list", path).Output()
	if err != nil {
		return fmt.Errorf("list the libraries of %s: %w", path, err)
	}
	for name, file := range parseLibraries(string(out)) {
		s.listed[name] = true
		if err := s.add(file); err != nil {
			return err
		}
		if strings.HasPrefix(name, "libc.so.") {
			if err := s.besideLibc(filepath.Dir(file)); err != nil {
				return err
			}
		}
	}
	return nil
}

// besideLibc adds libraries that the C library opens on demand. They are in the C library's directory.
func (s *fileSet) besideLibc(dir string) error {
	for _, name := range []string{"libnss_dns.so.*", "libnss_files.so.*", "libgcc_s.so.*"} {
		paths, _ := filepath.Glob(filepath.Join(dir, name)) // the pattern is valid
		for _, path := range paths {
			if err := s.add(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseLibraries parses lines such as "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f...)", and returns the paths by
// name. Libraries that the kernel provides have no path.
func parseLibraries(list string) map[string]string {
	paths := map[string]string{}
	for line := range strings.Lines(list) {
		name, path, _ := strings.Cut(line, " => ")
		path, _, _ = strings.Cut(strings.TrimSpace(path), " (")
		if filepath.IsAbs(path) {
			paths[strings.TrimSpace(name)] = path
		}
	}
	return paths
}

// add adds a file, and every link on the way to it.
func (s *fileSet) add(path string) error {
	const most = 40 // the kernel's limit of links in a path
	for range most {
		link, target, err := firstLink(path)
		if err != nil {
			return err
		}
		if link == "" {
			info, err := os.Lstat(path)
			if err == nil && !info.Mode().IsRegular() {
				err = &fs.PathError{Op: "copy", Path: path, Err: errors.New("not a regular file")}
			}
			if err == nil {
				s.files[path] = info.Mode().Perm()
			}
			return err
		}
		s.links[link] = target
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Join(target, strings.TrimPrefix(path, link))
	}
	return &fs.PathError{Op: "copy", Path: path, Err: errors.New("too many symbolic links")}
}

// firstLink returns the first part of the path that is a symbolic link, or "" if none is.
func firstLink(path string) (link, target string, err error) {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		info, err := os.Lstat(path[:i])
		if err != nil {
			return "", "", err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err = os.Readlink(path[:i])
			return path[:i], target, err
		}
	}
	return "", "", nil
}
