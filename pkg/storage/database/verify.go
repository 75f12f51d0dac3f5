package database

import (
	"context"
	"errors"
	"os"
)

// verify returns an error if Heketi cannot read the copy. Heketi copies its file through a second open of the file, and has been
// seen to get old pages there, although the file itself was good. Heketi reads all records for an export. The list of free pages
// is not checked: Heketi has no command for that.
//
// The copy is unpacked in the directory for temporary files, which is writable in all pods that take copies; beside the database,
// the sidecar must not write. The file loses its name while it is empty, so its content does not stay if this process is killed.
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
