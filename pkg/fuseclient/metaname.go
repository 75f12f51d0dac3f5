package fuseclient

import (
	"crypto/rand"
	"strings"
)

// metaOption names the directory .meta of a client (xlators/meta, meta-dir-name). In it, whoever may open a file of the volume reads
// the node's paths and the volume's passwords, and root of a container sets the client's log level.
const metaOption = "--xlator-option=meta-autoload.meta-dir-name="

// newMetaName returns a name that no pod can guess. It is listed nowhere but in the client's arguments.
func newMetaName() string { return "." + rand.Text() }

// metaName returns the name of a client's .meta.
func metaName(client process) string {
	for _, arg := range arguments(client.PID) { // none, if it has ended
		if name, ok := strings.CutPrefix(arg, metaOption); ok {
			return name
		}
	}
	return ".meta" // as clients have it that an earlier version of the driver started
}
