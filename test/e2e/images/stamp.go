package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// stamp records what the archives in a directory were made from: this program and the tools.
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

// current reports whether the archive is newer than its inputs and made by the same program, so that it need not be made again.
func (s stamp) current(archive string, inputs ...string) bool {
	made, err := os.Stat(archive)
	if err != nil || !s.same {
		return false
	}
	for _, input := range inputs {
		if info, err := os.Stat(input); err != nil || info.ModTime().After(made.ModTime()) {
			return false
		}
	}
	return true
}

func (s stamp) write() error { return os.WriteFile(s.path, []byte(s.sum), 0o644) }
