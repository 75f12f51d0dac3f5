package sanity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"
)

// recorder records the errors of a test.
type recorder struct {
	testing.TB
	complaints []string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(format string, args ...any) {
	r.complaints = append(r.complaints, fmt.Sprintf(format, args...))
}

func TestAccount(t *testing.T) {
	spec := func(name string, state types.SpecState) types.SpecReport {
		return types.SpecReport{LeafNodeType: types.NodeTypeIt, LeafNodeText: name, State: state}
	}
	specs := types.SpecReports{
		spec("runs", types.SpecStatePassed), spec("skips", types.SpecStateSkipped), spec("waits", types.SpecStatePending),
	}
	tests := []struct {
		allowed string
		want    string
	}{
		{"skips waits", ""},
		{"skips", "not in the list of this package: waits"},
		{"waits", "not in the list of this package: skips"},
		{"skips waits runs", "it was not: runs"},
		{"skips waits renamed", "it was not: renamed"},
	}
	for _, tt := range tests {
		allowed := map[string]string{}
		for name := range strings.FieldsSeq(tt.allowed) {
			allowed[name] = "reason"
		}
		r := &recorder{TB: t}
		account(r, specs, allowed)
		if got := strings.Join(r.complaints, "; "); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("allowed %q: %q, want %q", tt.allowed, got, tt.want)
		}
	}
}
