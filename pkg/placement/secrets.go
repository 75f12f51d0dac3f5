package placement

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// secrets returns the files that an administrator gives to clients, by directory (SSL_CERT_PATH and SECURE_ACCESS_FILE in
// glusterfs). They must not be stored on the node's disk, so each client gets a copy in memory.
func secrets() map[string][]string {
	return map[string][]string{
		"/usr/lib/ssl":      {"glusterfs.pem", "glusterfs.key", "glusterfs.ca", "dhparam.pem"},
		"/etc/ssl":          {"glusterfs.pem", "glusterfs.key", "glusterfs.ca", "dhparam.pem"},
		"/var/lib/glusterd": {"secure-access"},
	}
}

// secretFiles holds file contents by directory and name.
type secretFiles map[string]map[string][]byte

// readSecrets reads the files that exist.
func readSecrets() (secretFiles, error) {
	found := secretFiles{}
	for dir, names := range secrets() {
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // the path is the administrator's
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if found[dir] == nil {
				found[dir] = map[string][]byte{}
			}
			found[dir][name] = data
		}
	}
	return found, nil
}

// mount puts the files into the calling thread's root directory, in memory.
func (s secretFiles) mount() error {
	for dir, files := range s {
		if err := mountNew("tmpfs", dir, privateFlags, "size=1m,mode=0700"); err != nil {
			return err
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o400); err != nil {
				return err
			}
		}
	}
	return nil
}

// RefreshSecrets replaces a running client's secrets with the current ones, and does not add any that the client lacks. The
// client reads them for new connections. The function open opens a directory of the client with O_PATH. If the directory is not
// in memory, open returns an error that wraps fs.ErrNotExist.
func RefreshSecrets(open func(dir string) (*os.File, error)) error {
	var failed []error
	for dir, names := range secrets() {
		given := map[string][]byte{}
		for _, name := range names {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil { //nolint:gosec // the path is the administrator's
				given[name] = data // otherwise the client keeps its copy
			}
		}
		if len(given) > 0 {
			failed = append(failed, refreshIn(dir, given, open))
		}
	}
	return errors.Join(failed...)
}

func refreshIn(name string, given map[string][]byte, open func(dir string) (*os.File, error)) error {
	dir, err := open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	var failed []error
	for name, data := range given {
		// A client may have replaced the file with a link, a mount or a pipe.
		former, err := readBelow(int(dir.Fd()), name, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
		if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(former, data) {
			continue
		}
		failed = append(failed, renameio.WriteFile(filepath.Join(path, name), data, 0o400, renameio.WithTempDir(path)))
	}
	return errors.Join(failed...)
}
