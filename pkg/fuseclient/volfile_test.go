package fuseclient

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// TestVolfileIsChecked: a volume file is checked before a client uses it. A bad server in the list is never used, and does not
// make the volume unavailable.
func TestVolfileIsChecked(t *testing.T) {
	files := map[string]string{
		"good": "volume v type protocol/client end-volume",
		"bad":  "volume v type storage/posix option directory / end-volume",
		"evil": "volume v type protocol/client option remote-host `id` end-volume",
	}
	n := newNode(t)
	n.cfg.FetchVolfile = func(_ context.Context, server string, port int, volume string) (string, error) {
		if port != 24007 || volume != "vol" {
			t.Errorf("asks for %s on port %d", volume, port)
		}
		file, ok := files[server]
		if !ok {
			return "", volfile.ErrNoAnswer
		}
		return file, nil
	}
	for servers, want := range map[string]string{
		"good":            "good",
		"good bad":        "good bad", // a client takes the next file from the same server while that server is up
		"bad good":        "good",
		"bad evil good":   "good",
		"silent good":     "good silent",
		"silent bad good": "good silent",
		"silent silent2":  "silent silent2",
		"bad silent":      "silent",
	} {
		got, err := n.checkVolfile(t.Context(), source("vol"), strings.Fields(servers))
		if err != nil || !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, %v, want %s", servers, got, err, want)
		}
	}
	bad := source("vol")
	bad.Servers = []string{"bad", "evil"}
	err := n.Stage(t.Context(), bad, n.path("staging"))
	if !errors.Is(err, mount.ErrUnavailable) || !errors.Is(err, volfile.ErrRefused) || !strings.Contains(err.Error(), "server bad: ") && !strings.Contains(err.Error(), "server evil: ") { // the last one that was asked
		t.Errorf("%v", err)
	}
	if files := n.files(); files != "" {
		t.Errorf("a client was started: %s", files)
	}
}
