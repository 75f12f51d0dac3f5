package database

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A replacement is recorded in a file beside the database until the annotation that requested the replacement is removed. The
// annotation may stay for a while, because its removal can fail. If Heketi has changed the restored database by then, the next
// restore must not replace the database again.

// replacementFile returns the path of the record, which holds the checksum of the backup that has replaced the database.
func replacementFile(path string) string { return path + ".restored" }

// isReplacement reports whether the backup has replaced the database.
func isReplacement(path string, backup Copy) bool {
	sum, err := os.ReadFile(replacementFile(path)) // #nosec G304 -- the administrator names the database
	return err == nil && string(sum) == backup.SHA256
}

// recordReplacement records that the backup has replaced the database.
func recordReplacement(path string, backup Copy) error {
	file, err := os.OpenFile(replacementFile(path), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // #nosec G304 -- see isReplacement
	if err != nil {
		return err
	}
	_, err = file.WriteString(backup.SHA256)
	return errors.Join(err, file.Sync(), file.Close(), syncDir(filepath.Dir(path)))
}

// endReplacement removes the annotation that requested the replacement, and then the record.
func endReplacement(ctx context.Context, from Store, path string) error {
	if err := from.replaced(ctx); err != nil {
		return err
	}
	return forgetReplacement(path)
}

// forgetReplacement removes the record, so that the same backup can replace the database another time.
func forgetReplacement(path string) error {
	err := os.Remove(replacementFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
