package healing

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// withDirectories records, by inode number, on which directory of the volume each inner mount is. When the inner mount is put back,
// another directory may have the same name. withDirectories asks the volume's client once per mount; the next scan repeats
// unanswered requests.
func (h *Healer) withDirectories(ctx context.Context, s fuseclient.Served, seen, kept []tables.Table) []tables.Table {
	limited, cancel := context.WithTimeout(ctx, h.limits.Ask)
	defer cancel()
	known := knownDirectories(kept)
	var staging *os.File
	ask := func(name string) (inode uint64, err error) {
		if staging == nil {
			if staging, err = mount.OpenPath(s.StagingPath); err != nil {
				return 0, err
			}
		}
		file, err := h.asker.Open(limited, h.limits.Ask, staging, name)
		if err != nil {
			return 0, err
		}
		defer file.Close()
		at, err := mount.Identify(file)
		if err == nil && at.Device != s.Device {
			err = errGone
		}
		return at.Inode, err
	}
	all := slices.Clone(seen)
	for i, t := range all {
		points := volumePoints(t, s.Device)
		all[i].Mounts = slices.Clone(t.Mounts)
		for j, inner := range t.Mounts {
			m, isInside := points[inner.Parent]
			if !isInside || inner.Directory != 0 || inner.Point == m.Point {
				continue
			}
			directory, isKnown := known[place{inner.ID, inner.Parent, inner.Point}]
			if !isKnown && limited.Err() == nil {
				directory, _ = ask(filepath.Join(inVolume(s, m), relative(m.Point, inner.Point))) // 0 means unknown
			}
			all[i].Mounts[j].Directory = directory
		}
	}
	if staging != nil {
		_ = staging.Close()
	}
	return all
}

// place identifies a mount for as long as it exists.
type place struct {
	id, parent int
	point      string
}

func knownDirectories(kept []tables.Table) map[place]uint64 {
	known := map[place]uint64{}
	for _, t := range kept {
		for _, m := range t.Mounts {
			if m.Directory != 0 {
				known[place{m.ID, m.Parent, m.Point}] = m.Directory
			}
		}
	}
	return known
}

// volumePoints returns the mounts of a device by id.
func volumePoints(t tables.Table, d mount.Device) map[int]tables.Mount {
	points := map[int]tables.Mount{}
	for _, m := range t.Volume(d) {
		points[m.ID] = m
	}
	return points
}

// checkDirectory returns errLost if the directory that a mount was on has been replaced by another one with the same name.
func checkDirectory(was tables.Mount, at mount.Identity) error {
	if was.Directory != 0 && was.Directory != at.Inode {
		return fmt.Errorf("%w: the directory on which it was mounted has been replaced by another one", errLost)
	}
	return nil
}
