package fuseclient

import (
	"crypto/rand"
	"strings"
)

// metaOption sets the name of a client's .meta directory (xlators/meta, meta-dir-name). If pods could guess the name, any process
// with access to a file of the volume could read the node's paths and the volume's passwords there, and a container's root user
// could set the client's log level.
const metaOption = "--xlator-option=meta-autoload.meta-dir-name="

// newMetaName returns a name that no pod can guess. It appears only in the client's arguments.
func newMetaName() string { return "." + rand.Text() }

// metaName returns the name of a client's .meta directory.
func metaName(client process) string {
	for _, arg := range arguments(client.PID) { // none if it has ended
		if name, ok := strings.CutPrefix(arg, metaOption); ok {
			return name
		}
	}
	return ".meta" // the name in clients that an earlier version of the driver started
}
