package heketi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestSnapshots(t *testing.T) {
	for _, text := range []string{
		"Unable to delete volume v because it contains 2 snapshots",
		"Unable to delete volume v: volume delete: v: failed: Cannot delete Volume v ,as it has 2 snapshots. To delete the volume, first delete all the snapshots under it.",
	} {
		err := testBackend().newError(http.MethodDelete, "/volumes/1", StagePoll, http.StatusInternalServerError, text, nil)
		if !errors.Is(err, volume.ErrPrecondition) || err.Hint() != hintSnapshots {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestNamesInAnswers: a volume, a claim or a host may have a name that one of the rules looks for.
func TestNamesInAnswers(t *testing.T) {
	words := map[string]bool{"csi-web_site-0123456789abcdef0123": true} // an ordinary name
	for _, r := range rules() {
		words[strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9_-]+`).ReplaceAllString(r.text, "-"), "-")] = true
		for word := range strings.FieldsSeq(r.text) {
			words[strings.Trim(word, "'.,: ")] = true
		}
	}
	delete(words, "")
	const answer = "volume stop: %[1]s: failed: Locking failed on %[2]s. Please check log file for details."
	for word := range words {
		named := volume.Naming{PVCNamespace: word, PVCName: word}
		prefixed := named
		prefixed.Prefix = word
		for _, name := range []string{volume.GlusterName("pvc-1", named), volume.GlusterName("pvc-1", prefixed), word} {
			for _, format := range []string{answer, "Unable to delete volume %[1]s: " + answer, "volume delete: %[1]s: failed: Another transaction is in progress for %[1]s. Please try again"} {
				for _, stage := range []Stage{StageRequest, StagePoll} {
					for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusOK} {
						err := testBackend().newError(http.MethodDelete, "/volumes/1", stage, status, fmt.Sprintf(format, name, word), nil)
						want := volume.ErrUnavailable
						if stage == StagePoll && status == http.StatusInternalServerError {
							want = volume.ErrFailed
						}
						if !errors.Is(err, want) || err.Hint() != "" {
							t.Errorf("%s %d: %v", stage, status, err)
						}
					}
				}
			}
			err := testBackend().newError(http.MethodGet, "/volumes/1", StageRequest, http.StatusUnauthorized, "no access to "+name+" on "+word, nil)
			if err.Hint() != hintKey {
				t.Errorf("%v", err)
			}
		}
	}
}
