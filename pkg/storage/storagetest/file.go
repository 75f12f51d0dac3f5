package storagetest

import (
	"context"
	"io"
	"os"
)

// File is the path of a file; as a database.Source it copies that file.
type File string

// DatabaseCopy implements database.Source.
func (f File) DatabaseCopy(_ context.Context, w io.Writer) error {
	content, err := os.ReadFile(string(f))
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}
