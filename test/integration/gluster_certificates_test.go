package integration

import (
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// The paths at which Debian's GlusterFS expects its certificate, key and authorities, and the file that makes glusterd use TLS.
const (
	certificatesDir = "/usr/lib/ssl"
	markerDir       = "/var/lib/glusterd"
	markerFile      = "secure-access"
)

// cover mounts a directory of the host over one of the machine's, only on this machine, until the test ends.
func (r *rig) cover(m *lab.Machine, over, dir string) {
	r.Helper()
	_, err := r.command(m, "mount", "--bind", dir, over)
	r.ok(err, "cover "+over)
	r.Cleanup(func() {
		_, err := r.command(m, "umount", over)
		r.ok(err, "uncover "+over)
	})
}

// marker makes a directory that contains only the marker file.
func (r *rig) marker() (dir string) {
	r.Helper()
	dir = r.TempDir()
	r.ok(os.WriteFile(filepath.Join(dir, markerFile), nil, 0o400), "write the marker")
	return dir
}
