package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// Restore writes the backup to path, unless there is a database already. If an administrator has set RestoreAnnotation on the
// Secret, Restore moves an existing database aside, writes the backup, and removes the annotation. The file appears with all of
// its content or not at all. If there is neither a database nor a backup, Restore returns ErrEmpty. program is the heketi binary,
// with which WarnOfPending reads the restored database.
func Restore(ctx context.Context, from Store, path, program string) error {
	logger := klog.FromContext(ctx)
	there, err := hasDatabase(path)
	if err != nil {
		return fmt.Errorf("look for a database: %w", err)
	}
	backup, err := loadPatiently(ctx, from)
	switch {
	case there && err != nil && !errors.Is(err, ErrEmpty):
		logger.Error(err, "Cannot read the backup; the volume's database stays as it is, even if an annotation of the Secret asks to replace it", "path", path)
		return nil
	case there && !backup.Replace:
		logger.Info("The volume already has a database, which stays as it is", "path", path)
		return forgetReplacement(path)
	case there && isReplacement(path, backup):
		logger.Info("The backup has replaced the database already; the database stays as it is", "path", path, "sha256", backup.SHA256)
		return endReplacement(ctx, from, path)
	case errors.Is(err, ErrEmpty):
		return fmt.Errorf("%s does not exist, and %w: a Heketi with an empty database has no record of any volume; "+
			"copy the data and annotations of one of the Secrets %s-0, -1 ... into this Secret, or use --allow-empty if there really is nothing to lose", path, err, from.Name)
	case err != nil:
		return err
	}
	if err := put(backup, path, func() error {
		if !there {
			return nil
		}
		return moveAside(ctx, path)
	}); err != nil {
		return fmt.Errorf("restore %s from %s: %w", path, from, err)
	}
	WarnOfPending(ctx, program, path)
	logger.Info("Restored Heketi's database", "path", path, "secret", from.Name, "takenAt", backup.TakenAt, "sha256", backup.SHA256)
	if !backup.Replace {
		return nil
	}
	if err := recordReplacement(path, backup); err != nil {
		return err
	}
	return endReplacement(ctx, from, path)
}

// How long a restore waits for the API server, and how often it tries.
const (
	loadPoll  = 2 * time.Second
	loadLimit = time.Minute
)

// loadPatiently is like Store.Load, but waits for an API server that does not answer. If there is still no answer after that time,
// Restore leaves an existing database as it is. An annotation that requests its replacement then waits for the next restore.
func loadPatiently(ctx context.Context, from Store) (backup Copy, err error) {
	err = wait.Until(ctx, loadPoll, loadLimit, "Waiting for the backup", func(ctx context.Context) error {
		loaded, err := from.Load(ctx)
		if errors.Is(err, ErrEmpty) || kube.IsNotFound(err) {
			return wait.Final(err)
		}
		backup = loaded
		return err
	})
	return backup, err
}

// moveAside renames the database, so that it is kept.
func moveAside(ctx context.Context, path string) error {
	aside := path + ".replaced-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := os.Rename(path, aside); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("The database is replaced by the backup, as the Secret's annotation asks; the old file is kept", "path", path, "as", aside)
	return nil
}

// hasDatabase reports whether the file exists and is not empty: a Heketi that is killed right after its start leaves an empty
// file.
func hasDatabase(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s is not a file", path)
	}
	return info.Size() > 0, nil
}

// Write writes the database of a copy to path. It returns an error if path already has a database. When Write returns, the new
// database is synced to the disk.
func Write(c Copy, path string) error { return put(c, path, func() error { return nil }) }

// put is like Write, but calls makeRoom once the copy is on the disk and known to be a database. An existing file stays at path
// until then.
func put(c Copy, path string, makeRoom func() error) error {
	temporary := path + ".restoring" // a fixed name: the next restore removes the file if this one is killed
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // #nosec G304 -- the administrator names it
	if err != nil {
		return err
	}
	if err := errors.Join(fill(file, c), file.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := makeRoom(); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	there, err := hasDatabase(path)
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if there {
		return errors.Join(fmt.Errorf("%s has appeared in the meantime: is another Heketi running?", path), os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill unpacks the copy into the file, and syncs the file. It returns ErrDamaged if the checksum is wrong, or if the file does not
// start like a database.
func fill(file *os.File, c Copy) error {
	if err := c.Unpack(file); err != nil {
		return err
	}
	begin := make([]byte, 64)
	n, err := file.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !heketi.IsDatabase(begin[:n]) {
		return fmt.Errorf("%w: it is not a database of Heketi", ErrDamaged)
	}
	return file.Sync()
}

func syncDir(path string) error {
	dir, err := os.Open(path) // #nosec G304 -- see Write
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, unix.EINVAL) { // not every file system can sync a directory
		err = nil
	}
	return errors.Join(err, dir.Close())
}
