package machine

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// diskFiles holds the files on the disk of a bare storage machine, or on the disks of the whole lab if name is empty. They are
// read on first use, which happens only if a pod has attached a loop device.
type diskFiles struct {
	layout Layout
	name   string
	ids    map[fileID]bool
}

func (d *diskFiles) has(id fileID) (bool, error) {
	if d.ids == nil {
		ids, err := d.read()
		if err != nil {
			return false, err
		}
		d.ids = ids
	}
	return d.ids[id], nil
}

func (d *diskFiles) read() (map[fileID]bool, error) {
	name := d.name
	if name == "" {
		name = "*"
	}
	dirs, err := filepath.Glob(d.layout.DiskDir(name))
	if err != nil {
		return nil, err
	}
	ids := map[fileID]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return ignoreMissing(err)
			}
			var stat unix.Stat_t
			if err := unix.Stat(path, &stat); err != nil {
				return ignoreMissing(err)
			}
			ids[fileID{stat.Dev, stat.Ino}] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// ignoreMissing ignores files that disappear during the walk, because pods run.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
