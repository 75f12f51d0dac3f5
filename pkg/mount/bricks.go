package mount

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// BrickSet returns a digest of bricks, each as host:/path, which is the same for equal sets. The names themselves may be too many
// for a packet of package fusequery.
func BrickSet(bricks []string) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(slices.Sorted(slices.Values(bricks))), "\n")))
	return hex.EncodeToString(sum[:])
}

// Graph is what a client has of its volume file.
type Graph struct {
	Bricks    string // their BrickSet; "" if there are none
	Connected bool   // to every brick
}
