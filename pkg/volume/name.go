package volume

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

const (
	namePrefix   = "csi-"
	readablePart = 64 // of the CSI name; enough for "pvc-<uuid>"
	digestPart   = 20 // hexadecimal digits: 80 bits
)

var (
	unsafeInName = regexp.MustCompile(`[^a-zA-Z0-9-]+`)
	ownName      = regexp.MustCompile(`^csi-[a-zA-Z0-9-]{1,64}-[0-9a-f]{20}$`)
)

// GlusterName derives the name of the gluster volume from the CSI name: the same every
// time, of characters that Heketi allows, and ending in a digest of the whole CSI name.
// The digest keeps two CSI names apart that look alike once cleaned, and keeps the
// result from ever meeting a volume that was made by hand: Heketi's rollback of a
// failed create deletes the gluster volume of that name, whoever made it
// (heketi: apps/glusterfs/operations_volume.go).
func GlusterName(csiName string) string {
	readable := unsafeInName.ReplaceAllString(csiName, "-")
	readable = strings.Trim(readable[:min(len(readable), readablePart)], "-")
	if readable == "" {
		readable = "volume"
	}
	digest := sha256.Sum256([]byte(csiName))
	return namePrefix + readable + "-" + hex.EncodeToString(digest[:])[:digestPart]
}

// IsOurs reports whether a gluster volume's name has the form that GlusterName makes.
// Nothing else may be deleted by its id alone.
func IsOurs(glusterName string) bool { return ownName.MatchString(glusterName) }
