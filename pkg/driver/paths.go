package driver

import (
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// checkPath checks a staging or target path lexically: a system call could block on a dead client. A path that is not clean could
// refer to something other than the entry of that name in mountinfo.
func checkPath(field, path string) error {
	switch {
	case path == "":
		return volume.Invalid(field, path, "must be given")
	case !filepath.IsAbs(path):
		return volume.Invalid(field, path, "must be an absolute path")
	case path == "/":
		return volume.Invalid(field, path, "must not be the root directory")
	case filepath.Clean(path) != path:
		return volume.Invalid(field, path, `must not contain "." or ".." elements, doubled slashes or a slash at the end`)
	}
	return nil
}

// checkID checks that a request names a volume. Any other rule is up to the creator of the id.
func checkID(id string) error {
	if id == "" {
		return volume.Invalid("volume_id", id, "must be given")
	}
	return nil
}
