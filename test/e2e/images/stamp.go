package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// stamp remembers what the archives in a directory were made from: this program and the tools.
type stamp struct {
	path, sum string
	same      bool
}

func newStamp(dir, tools string) (stamp, error) {
	self, err := os.Executable()
	if err != nil {
		return stamp{}, err
	}
	program, err := os.Open(self)
	if err != nil {
		return stamp{}, err
	}
	defer func() { _ = program.Close() }()
	hash := sha256.New()
	_, _ = io.WriteString(hash, filepath.Base(tools))
	if _, err := io.Copy(hash, program); err != nil {
		return stamp{}, err
	}
	s := stamp{path: filepath.Join(dir, "made-from"), sum: hex.EncodeToString(hash.Sum(nil))}
	old, err := os.ReadFile(s.path)
	s.same = err == nil && string(old) == s.sum
	return s, nil
}

// current says whether the archive need not be made again.
func (s stamp) current(archive string) bool {
	_, err := os.Stat(archive)
	return err == nil && s.same
}

func (s stamp) write() error { return os.WriteFile(s.path, []byte(s.sum), 0o644) }
