package volume

import (
	"regexp"
	"strings"
)

// Handle is the identity of a provisioned volume, CSI's volume_id: "<backend>/<Heketi volume id>", or "<backend>/<Heketi volume
// id>/adopted". It contains the backend's name and not its address, because addresses change and handles cannot.
type Handle struct {
	Backend string
	ID      string
	// Adopted is set if an administrator has written the handle to make this driver manage a volume that it did not make, such as
	// a volume of the in-tree plugin. Without Adopted, only volumes that this driver made are changed or deleted.
	Adopted bool
}

const adopted = "adopted"

var (
	backendName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
	heketiID    = regexp.MustCompile(`^[0-9a-f]{32}$`) // heketi: pkg/idgen
)

// ParseHandle parses a handle. It fails with ErrInvalid for any other text, including a static volume's handle.
func ParseHandle(s string) (Handle, error) {
	backend, rest, _ := strings.Cut(s, "/")
	id, suffix, hasSuffix := strings.Cut(rest, "/")
	if !backendName.MatchString(backend) || !heketiID.MatchString(id) || hasSuffix && suffix != adopted {
		return Handle{}, Invalid("volume_id", s,
			`must be "<backend>/<Heketi volume id>" with an id of 32 hexadecimal digits, and "/adopted" after it for an adopted volume`)
	}
	return Handle{Backend: backend, ID: id, Adopted: hasSuffix}, nil
}

// String returns CSI's volume_id, at most 104 bytes.
func (h Handle) String() string {
	s := h.Backend + "/" + h.ID
	if h.Adopted {
		s += "/" + adopted
	}
	return s
}

// ValidBackendName reports whether name is valid as the name of a backend, and so as the beginning of a handle.
func ValidBackendName(name string) bool { return backendName.MatchString(name) }

// ValidHeketiID reports whether id has the form of a Heketi volume or cluster id.
func ValidHeketiID(id string) bool { return heketiID.MatchString(id) }
