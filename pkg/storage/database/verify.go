package database

import (
	"context"
	"errors"
	"os"
)

// verify returns an error if Heketi cannot read the copy. Heketi makes the copy through a second descriptor of its file. Such a
// descriptor has been seen to return old pages although the file itself was good. The check is an export, for which Heketi reads
// all records. Heketi has no command that checks the list of free pages.
//
// The copy is unpacked in the directory for temporary files, which is writable in all pods that take copies; the sidecar must not
// write beside the database. The file's name is removed before the copy is written, so that the content does not stay if this
// process is killed.
func verify(ctx context.Context, program string, c Copy) (err error) {
	file, err := os.CreateTemp("", "heketi-db-copy-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	if err := c.Unpack(file); err != nil {
		return err
	}
	_, err = export(ctx, program, "/proc/self/fd/3", exportLimit, file)
	return err
}
