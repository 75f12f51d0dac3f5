package placement

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

// RefreshSecrets gives the running client with the given root directory the current secrets. The client reads them for new
// connections.
func RefreshSecrets(root string) error {
	var failed []error
	for dir, names := range secrets() {
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // the path is the administrator's
			if err != nil {
				continue // the client keeps its copy
			}
			path := filepath.Join(root, dir, name)
			if _, err := os.Lstat(path); err == nil {
				failed = append(failed, replaceFile(path, data, 0o400))
			}
		}
	}
	return errors.Join(failed...)
}
