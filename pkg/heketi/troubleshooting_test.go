package heketi

import (
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// explained returns the messages that docs/troubleshooting.md has to explain, with the errors of package volume with which they
// occur at some stage of a call.
func explained() map[string][]error {
	messages := map[string][]error{
		hintNoKey:                       {volume.ErrUnauthenticated},
		(&OtherDatabaseError{}).Error(): {volume.ErrUnavailable},
		volume.ErrFailed.Error():        {volume.ErrFailed},
		"No clusters configured":        {volume.ErrUnavailable}, // alone, since the hint also occurs without it
		HintNoClusters:                  {volume.ErrUnavailable},
	}
	for _, field := range []string{"keyFile", "caFile"} {
		messages[testBackend().unreadable(field, errors.New("no such file")).Error()] = []error{volume.ErrUnavailable}
	}
	for _, r := range rules() {
		if r.hint == "" && r.exactly == nil {
			continue // a text of Heketi's about the request
		}
		for _, stage := range []Stage{StageRequest, StagePoll} {
			if r.stage == "" || r.stage == stage {
				err := testBackend().newError(http.MethodPost, "/volumes", stage, max(r.status, http.StatusBadRequest), r.text, nil)
				messages[r.text+"; "+r.hint] = append(messages[r.text+"; "+r.hint], r.kind, err.rule.kind)
			}
		}
	}
	for _, cause := range []error{
		x509.UnknownAuthorityError{}, x509.HostnameError{Certificate: &x509.Certificate{}}, x509.CertificateInvalidError{},
		&net.OpError{Op: "dial", Err: errors.New("refused")},
	} {
		err := testBackend().newError(http.MethodGet, "/clusters", StageRequest, 0, "", cause)
		messages[err.Hint()] = []error{err.rule.kind}
	}
	return messages
}

// TestTroubleshooting: docs/troubleshooting.md explains each message, with its code, and no other message.
func TestTroubleshooting(t *testing.T) {
	codes := map[error]string{
		volume.ErrUnauthenticated: "UNAUTHENTICATED", volume.ErrUnavailable: "UNAVAILABLE", volume.ErrBusy: "ABORTED",
		volume.ErrExhausted: "RESOURCE_EXHAUSTED", volume.ErrPrecondition: "FAILED_PRECONDITION", volume.ErrFailed: "INTERNAL",
	}
	rows := documents.Rows(t, "What Heketi answers")
	used := make([]bool, len(rows))
	for message, kinds := range explained() {
		found, want := false, map[string]bool{"": true} // "" reaches no user
		for _, kind := range kinds {
			want[codes[kind]] = true
		}
		for i, row := range rows {
			if !row.Is(message) {
				continue
			}
			found, used[i] = true, true
			if code := strings.Trim(row.Cells[1], "`"); !want[code] {
				t.Errorf("docs/troubleshooting.md: %s has code %q, want one of %q", row.Cells[0], code, slices.Sorted(maps.Keys(want)))
			}
		}
		if !found {
			t.Errorf("docs/troubleshooting.md does not have %q", message)
		}
	}
	for i, row := range rows {
		if !used[i] && !row.Is("none of the clusters that it had before") { // a message of package provisioner
			t.Errorf("docs/troubleshooting.md explains a message that does not exist: %s", row.Cells[0])
		}
	}
}
