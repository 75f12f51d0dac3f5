package lab

import (
	"strings"
	"testing"
)

func TestUpRefusesBareStorageWithWhatNeedsHeketi(t *testing.T) {
	for name, options := range map[string]Options{
		"without workers": {BareStorage: true},
		"with the driver": {BareStorage: true, Workers: true, Driver: "/bin/true"},
	} {
		options.Dir = t.TempDir()
		if _, err := Up(t.Context(), options); err == nil || !strings.Contains(err.Error(), "BareStorage") {
			t.Errorf("%s: got %v, want an error about BareStorage", name, err)
		}
	}
}
