package mount

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// BrickSet returns a digest of a set of bricks, each given as host:/path. Equal sets have equal digests. The names themselves can
// be too long for a packet of package fusequery.
func BrickSet(bricks []string) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(slices.Sorted(slices.Values(bricks))), "\n")))
	return hex.EncodeToString(sum[:])
}

// Graph describes the bricks in the translator graph that a client uses.
type Graph struct {
	Bricks    string // BrickSet of the bricks; "" if there are none
	Connected bool   // the client is connected to every brick
}
