package backendreport

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// hinted is an error with advice.
type hinted struct{ hint string }

func (h hinted) Error() string { return "broken; " + h.hint }

func (h hinted) Hint() string { return h.hint }

func TestExplainParts(t *testing.T) {
	for _, tt := range []struct {
		err             error
		message, remedy string
	}{
		{hinted{"mend it"}, "broken", "mend it"},
		{fmt.Errorf("call: %w", hinted{"mend it"}), "call: broken", "mend it"},
		{hinted{""}, "broken; ", "see Heketi's log"},
		{errors.New("broken"), "broken", "see Heketi's log"},
	} {
		if message, remedy := Explain(tt.err); message != tt.message || remedy != tt.remedy {
			t.Errorf("%v: %q, %q", tt.err, message, remedy)
		}
	}
}

// TestLeftBehind: operations that can be cleaned up and those that cannot have different remedies.
func TestLeftBehind(t *testing.T) {
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "a", URL: "http://h"}}}, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	dump := heketi.Dump{Volumes: map[string]heketi.DumpVolume{"v": {Name: "web", Pending: "o1"}}}
	clone, create := heketi.Operation{ID: "o1", Type: cloneVolume, Status: "stale"}, heketi.Operation{ID: "o2", Type: "create-volume", Status: "failed"}
	expand := heketi.Operation{ID: "o3", Type: "expand-volume", Status: "stale"}
	for name, tt := range map[string]struct {
		operations []heketi.Operation
		remedies   []string
		cleaned    string // "": no clean-up is suggested
	}{
		"a clone":   {[]heketi.Operation{clone}, []string{"never cleans up a clone"}, ""},
		"a create":  {[]heketi.Operation{create}, []string{"undoes creates"}, " o2"},
		"an expand": {[]heketi.Operation{expand}, []string{"An expand that was interrupted"}, ""},
		"all":       {[]heketi.Operation{clone, create, expand}, []string{"never cleans up a clone", "undoes creates", "An expand that was interrupted"}, " o2"},
	} {
		f := LeftBehind(backends.All()[0], dump, tt.operations, "check")
		for _, remedy := range []string{"never cleans up a clone", "undoes creates", "An expand that was interrupted"} {
			if strings.Contains(f.Remedy, remedy) != slices.Contains(tt.remedies, remedy) {
				t.Errorf("%s: the remedy says %q: %s", name, remedy, f.Remedy)
			}
		}
		commands := []string{CLI(backends.All()[0], "server operations list")}
		if tt.cleaned != "" {
			commands = append(commands, CLI(backends.All()[0], "server operations cleanup"+tt.cleaned))
		}
		if !slices.Equal(f.Commands, commands) || strings.Contains(f.Message, "gluster volume web") != slices.Contains(tt.remedies, "never cleans up a clone") ||
			strings.Contains(f.Message, "of gluster volume )") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
