package healing

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// The kubelet writes each version of a ConfigMap, Secret or the like into a new directory, whose name begins with two dots and the
// year. It then removes the directory of the version before. The link ..data leads to the present version.

const presentVersion = "..data"

// openPresent opens the present version of a file whose earlier version was removed. A container that is restarted also gets the
// present version. name is the path of the removed version, relative to from.
func (r *repairer) openPresent(from *os.File, name string, m tables.Mount) (*os.File, error) {
	parts := strings.Split(name, "/")
	i := slices.IndexFunc(parts, func(part string) bool { return strings.HasPrefix(part, "..2") })
	if i < 0 || !isLocal(m.FSType) {
		return nil, &os.PathError{Op: "open", Path: name, Err: unix.ENOENT}
	}
	dir, err := r.asker.Open(r.ctx, r.limits.Ask, from, orSelf(path.Join(parts[:i]...)))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	link := make([]byte, unix.NAME_MAX)
	n, err := unix.Readlinkat(int(dir.Fd()), presentVersion, link)
	if err != nil {
		return nil, &os.PathError{Op: "readlink", Path: presentVersion, Err: err}
	}
	version := string(link[:n])
	if !strings.HasPrefix(version, "..2") || strings.Contains(version, "/") {
		return nil, fmt.Errorf("%w: %s leads to %q", errLost, presentVersion, version)
	}
	return r.asker.Open(r.ctx, r.limits.Ask, dir, path.Join(append([]string{version}, parts[i+1:]...)...))
}
