package volume

import (
	"regexp"
	"strings"
)

// Handle is the identity of a provisioned volume, CSI's volume_id: "<backend>/<Heketi volume id>", or
// "<backend>/<Heketi volume id>/adopted". It holds the backend's name and not its address, because addresses change
// and handles cannot.
type Handle struct {
	Backend string
	ID      string
	// Adopted: the volume was made by somebody else, the in-tree plugin for one, and a person has written this handle
	// to put it into this driver's hands. Without it, only volumes that this driver made are changed or deleted.
	Adopted bool
}

const adopted = "adopted"

var (
	backendName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
	heketiID    = regexp.MustCompile(`^[0-9a-f]{32}$`) // heketi: pkg/idgen
)

// ParseHandle reads a handle. It fails with ErrInvalid for anything that this driver
// did not make, a static volume's handle among them.
func ParseHandle(s string) (Handle, error) {
	backend, rest, _ := strings.Cut(s, "/")
	id, suffix, hasSuffix := strings.Cut(rest, "/")
	if !backendName.MatchString(backend) || !heketiID.MatchString(id) || hasSuffix && suffix != adopted {
		return Handle{}, Invalid("volume_id", s,
			`must be "<backend>/<Heketi volume id>", the id being 32 hexadecimal digits, for a volume that was taken over followed by "/adopted"`)
	}
	return Handle{Backend: backend, ID: id, Adopted: hasSuffix}, nil
}

// String is CSI's volume_id, at most 104 bytes.
func (h Handle) String() string {
	s := h.Backend + "/" + h.ID
	if h.Adopted {
		s += "/" + adopted
	}
	return s
}

// ValidBackendName reports whether name may name a backend, and so begin a handle.
func ValidBackendName(name string) bool { return backendName.MatchString(name) }

// ValidHeketiID reports whether id may be the id of a volume or cluster of Heketi's.
func ValidHeketiID(id string) bool { return heketiID.MatchString(id) }
