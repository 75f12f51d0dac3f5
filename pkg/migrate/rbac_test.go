package migrate

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestPermissions: each command uses everything that its role allows, and nothing else.
func TestPermissions(t *testing.T) {
	collect := func(t *testing.T, api *fakeAPI, _ *Applier) {
		t.Helper()
		if _, err := Collect(t.Context(), api); err != nil {
			t.Error(err)
		}
	}
	check := func(t *testing.T, api *fakeAPI, a *Applier) {
		t.Helper()
		if err := a.Plan.CheckCluster(t.Context(), api); err != nil {
			t.Error(err)
		}
	}
	do := func(steps ...func(a *Applier) error) func(*testing.T, *fakeAPI, *Applier) {
		return func(t *testing.T, api *fakeAPI, a *Applier) {
			t.Helper()
			check(t, api, a)
			for _, step := range steps {
				if err := step(a); err != nil {
					t.Error(err)
				}
			}
		}
	}
	apply := do(
		func(a *Applier) error { return a.Apply(t.Context(), Selection{}) },
		func(a *Applier) error { return a.ApplyClasses(t.Context()) },
		func(a *Applier) error { _, err := a.RemoveEndpoints(t.Context()); return err })
	for _, tc := range []struct {
		command     Command
		before, run func(*testing.T, *fakeAPI, *Applier)
		scale       bool
	}{
		{CommandPlan, nil, collect, false},
		{CommandStatus, nil, func(t *testing.T, api *fakeAPI, a *Applier) {
			t.Helper()
			if _, err := CollectVolumes(t.Context(), api); err != nil {
				t.Error(err)
			}
			check(t, api, a)
		}, false},
		{CommandApply, nil, apply, false},
		{CommandApply, func(t *testing.T, api *fakeAPI, a *Applier) {
			t.Helper()
			a.Scale = true
			for _, kind := range sortedKeys(scalable()) {
				api.deploy(t, kind, strings.ToLower(kind))
			}
		}, do(
			func(a *Applier) error { return a.Apply(t.Context(), Selection{}) },
			func(a *Applier) error { return a.ApplyClasses(t.Context()) },
			func(a *Applier) error { return a.ScaleUp(t.Context()) },
			func(a *Applier) error { _, err := a.RemoveEndpoints(t.Context()); return err }), true},
		{CommandRollback, apply, do(
			func(a *Applier) error { return a.RestoreEndpoints(t.Context(), Selection{}) },
			func(a *Applier) error { return a.RollBack(t.Context(), Selection{}) },
			func(a *Applier) error { return a.RollBackClasses(t.Context()) }), false},
	} {
		t.Run(string(tc.command), func(t *testing.T) {
			api, a := withClass(t)
			a.API, a.Journal, a.Report = api, openJournal(t, filepath.Join(t.TempDir(), "journal")), func(Result) {}
			if tc.before != nil {
				tc.before(t, api, &a)
			}
			api.used = map[string]bool{}
			tc.run(t, api, &a)
			var want []string
			for _, p := range permissions(tc.command, tc.scale) {
				for _, verb := range p.verbs {
					want = append(want, verb+" "+p.resource)
				}
			}
			slices.Sort(want)
			if got := sortedKeys(api.used); !slices.Equal(got, want) {
				t.Errorf("used %q, allowed %q", got, want)
			}
			var role map[string]any
			if err := yaml.Unmarshal([]byte(ClusterRole(tc.command, tc.scale)), &role); err != nil || strings.Contains(ClusterRole(tc.command, tc.scale), "secrets") {
				t.Errorf("%v\n%s", err, ClusterRole(tc.command, tc.scale))
			}
		})
	}
}
