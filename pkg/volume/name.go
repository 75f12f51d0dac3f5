package volume

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

const (
	namePrefix = "csi-"
	digestPart = 20 // hexadecimal digits: 80 bits
	// longestName leaves space for a host and a brick path: glusterd writes a file "<volume>.<host>.<brick path>.vol" for each
	// brick, and this file name may have 255 bytes.
	longestName = 90
)

var (
	unsafeInName    = regexp.MustCompile(`[^a-zA-Z0-9-]+`)
	validNamePrefix = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$`)
	ownName         = regexp.MustCompile(`^([a-zA-Z0-9-]{1,40}_)?csi-[a-zA-Z0-9_-]{1,65}-[0-9a-f]{20}$`)
)

// Naming holds optional parts of a gluster volume's name, which help human readers.
type Naming struct {
	Prefix       string // the class's volumenameprefix
	PVCNamespace string
	PVCName      string
}

// GlusterName derives the name of the gluster volume from the CSI name. The result is the same every time, has only characters
// that Heketi allows, and ends in a digest of the whole CSI name. The digest distinguishes CSI names that look alike after
// forbidden characters are replaced. The digest also keeps the name different from that of any volume made by hand: if a create
// fails, Heketi's rollback deletes any gluster volume of that name, also one that Heketi did not make (heketi:
// apps/glusterfs/operations_volume.go).
func GlusterName(csiName string, naming Naming) string {
	prefix := namePrefix
	if naming.Prefix != "" {
		prefix = naming.Prefix + "_" + namePrefix
	}
	readable := cleaned(csiName)
	if naming.PVCNamespace != "" && naming.PVCName != "" {
		readable = cleaned(naming.PVCNamespace) + "_" + cleaned(naming.PVCName)
	}
	room := longestName - len(prefix) - len("-") - digestPart
	readable = strings.Trim(readable[:min(len(readable), room)], "-_")
	if readable == "" {
		readable = "volume"
	}
	digest := sha256.Sum256([]byte(csiName))
	return prefix + readable + "-" + hex.EncodeToString(digest[:])[:digestPart]
}

func cleaned(s string) string { return unsafeInName.ReplaceAllString(s, "-") }

// ValidNamePrefix reports whether prefix is valid as the beginning of gluster volume names.
func ValidNamePrefix(prefix string) bool { return validNamePrefix.MatchString(prefix) }

// AllowedNamePrefix describes what ValidNamePrefix accepts.
const AllowedNamePrefix = "must be 1 to 40 letters, digits and dashes, and not begin with a dash"

// HasNamePrefix reports whether a gluster volume's name has the form that GlusterName makes with this prefix. A longer prefix
// that begins with this one does not count.
func HasNamePrefix(glusterName, prefix string) bool {
	return IsOurs(glusterName) && strings.HasPrefix(glusterName, prefix+"_"+namePrefix)
}

// IsOurs reports whether a gluster volume's name has the form that GlusterName makes. A volume with another name must not be
// deleted or changed by its id alone.
func IsOurs(glusterName string) bool { return ownName.MatchString(glusterName) }

// NameKey returns the digest in a name from GlusterName. All names of one CSI name have the same digest, so that classes that
// name volumes differently do not make a second volume.
func NameKey(glusterName string) string { return glusterName[strings.LastIndex(glusterName, "-")+1:] }
