package fuseclient

import (
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// TestTroubleshooting: docs/troubleshooting.md explains each reason of a failed mount.
func TestTroubleshooting(t *testing.T) {
	rows := documents.Rows(t, "What a mount fails with")
	for _, e := range explanations() {
		found := false
		for _, row := range rows {
			found = found || row.Is(e.words)
		}
		if !found {
			t.Errorf("docs/troubleshooting.md does not have %q", e.words)
		}
	}
}
