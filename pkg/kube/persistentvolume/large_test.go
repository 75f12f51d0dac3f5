package persistentvolume

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// endless is an endless file of one letter.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReadListFails(t *testing.T) {
	broken := errors.New("broken pipe")
	if _, err := ReadList(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the file", err)
	}
	if _, err := ReadList(io.MultiReader(strings.NewReader("kind: List\n"), endless{})); err == nil || !strings.Contains(err.Error(), "larger than 256 MiB") {
		t.Errorf("a list without end: %v", err)
	}
	// In JSON text, --- does not separate documents.
	if _, err := ReadList(strings.NewReader("{\"kind\": \"List\", \"items\": [\n---\n]}")); err == nil || strings.Contains(err.Error(), "several YAML documents") {
		t.Errorf("%v, want that it is no JSON", err)
	}
	if _, err := ReadList(strings.NewReader("-{\n---\n{")); err == nil || !strings.Contains(err.Error(), "several YAML documents") {
		t.Errorf("%v, want that there are several documents", err)
	}
}

func TestString(t *testing.T) {
	for want, pv := range map[string]PV{
		"PersistentVolume a":                    {Name: "a", Claim: "default/web"},
		"PersistentVolume b (Bound)":            {Name: "b", Phase: "Bound"},
		"PersistentVolume c (Bound, claim d/e)": {Name: "c", Phase: "Bound", Claim: "d/e"},
	} {
		if got := pv.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
