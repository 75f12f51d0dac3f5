package volume

import (
	"regexp"
	"strings"
)

// Handle is the identity of a provisioned volume, CSI's volume_id:
// "<backend>/<Heketi volume id>". It holds the backend's name and not its address,
// because addresses change and handles cannot.
type Handle struct {
	Backend string
	ID      string
}

var (
	backendName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
	heketiID    = regexp.MustCompile(`^[0-9a-f]{32}$`) // heketi: pkg/idgen
)

// ParseHandle reads a handle. It fails with ErrInvalid for anything that this driver
// did not make, a static volume's handle among them.
func ParseHandle(s string) (Handle, error) {
	backend, id, _ := strings.Cut(s, "/")
	if !backendName.MatchString(backend) || !heketiID.MatchString(id) {
		return Handle{}, Invalid("volume_id", s,
			`must be "<backend>/<Heketi volume id>", the id being 32 hexadecimal digits`)
	}
	return Handle{Backend: backend, ID: id}, nil
}

// String is CSI's volume_id, at most 96 bytes.
func (h Handle) String() string { return h.Backend + "/" + h.ID }

// ValidBackendName reports whether name may name a backend, and so begin a handle.
func ValidBackendName(name string) bool { return backendName.MatchString(name) }
