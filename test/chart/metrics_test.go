package chart

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Metrics have no authentication, so they must not be served at more addresses than requested.
func TestMetricsAreServedAtOneAddress(t *testing.T) {
	for name, want := range map[string]string{"everything": "[$(POD_IP)]:", "placement": ":"} {
		r := renderings()[slices.IndexFunc(renderings(), func(r rendering) bool { return r.name == name })]
		served := 0
		for _, c := range containers(t, r) {
			env, _, _ := unstructured.NestedSlice(c.spec, "env")
			hasAddress := slices.ContainsFunc(env, func(variable any) bool {
				field, _, _ := unstructured.NestedString(variable.(map[string]any), "valueFrom", "fieldRef", "fieldPath")
				return field == "status.podIP"
			})
			if hasAddress != (name == "everything") {
				t.Errorf("%s: %s/%s gets its pod's address: %v", name, c.component, c.name, hasAddress)
			}
			for _, arg := range c.args() {
				flag, address, _ := strings.Cut(arg, "=")
				if flag != "--metrics-address" && flag != "--http-endpoint" {
					continue
				}
				served++
				if !strings.HasPrefix(address, want) {
					t.Errorf("%s: %s/%s has %s", name, c.component, c.name, arg)
				}
			}
		}
		if served != 4 {
			t.Errorf("%s: metrics of %d containers", name, served)
		}
	}
}
