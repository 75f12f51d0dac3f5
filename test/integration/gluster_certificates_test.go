package integration

import (
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Where Debian's GlusterFS looks for its certificate, key and authorities, and for the sign that glusterd speaks TLS.
const (
	certificatesDir = "/usr/lib/ssl"
	markerDir       = "/var/lib/glusterd"
	markerFile      = "secure-access"
)

// cover mounts a directory of the host over one of the machine's, for this machine alone, until the test ends.
func (r *rig) cover(m *lab.Machine, over, dir string) {
	r.Helper()
	_, err := r.command(m, "mount", "--bind", dir, over)
	r.ok(err, "cover "+over)
	r.Cleanup(func() {
		_, err := r.command(m, "umount", over)
		r.ok(err, "uncover "+over)
	})
}

// marker makes a directory with the marker alone.
func (r *rig) marker() (dir string) {
	r.Helper()
	dir = r.TempDir()
	r.ok(os.WriteFile(filepath.Join(dir, markerFile), nil, 0o400), "write the marker")
	return dir
}
