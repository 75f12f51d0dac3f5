package sanity

import (
	_ "embed"
	"strings"
)

//go:embed skipped.txt
var skipped string

// Skipped returns the tests that csi-sanity skips for this driver, each with the capability that the driver does not offer, and
// why. They are listed in skipped.txt, below the reason in a line with #.
func Skipped() map[string]string {
	reasons, reason := map[string]string{}, ""
	for line := range strings.Lines(skipped) {
		line = strings.TrimSpace(line)
		switch words, isReason := strings.CutPrefix(line, "# "); {
		case isReason:
			reason = words
		case line != "":
			reasons[line] = reason
		}
	}
	return reasons
}
