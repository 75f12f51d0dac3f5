package migrate

import (
	"slices"
	"strings"
	"testing"
)

// TestSharersAreWarnedOf: two PersistentVolumes share a gluster volume, which is deleted with the claim of one of them.
func TestSharersAreWarnedOf(t *testing.T) {
	const ofDriver = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: imported}
spec:
  csi: {driver: ` + testDriver + `, volumeHandle: HANDLE, volumeAttributes: {volume: VOLUME}}
  persistentVolumeReclaimPolicy: POLICY
`
	const here, there = "set the policy Retain here", "set the policy Retain there"
	imported := func(handle, volume, policy string) string {
		return change(t, ofDriver, "HANDLE", handle, "VOLUME", volume, "POLICY", policy)
	}
	retained := change(t, dynamicPV, "persistentVolumeReclaimPolicy: Delete", "persistentVolumeReclaimPolicy: Retain")
	for name, tc := range map[string]struct {
		volumes []string
		want    string // of the first one; "" is no warning
	}{
		"an import by name":                      {[]string{dynamicPV, imported("imported", "vol_"+idA, policyRetain)}, here},
		"an import of a directory":               {[]string{dynamicPV, imported("imported", "vol_"+idA+"/a", policyRetain)}, here},
		"both retain":                            {[]string{retained, imported("imported", "vol_"+idA, policyRetain)}, ""},
		"an import of another volume":            {[]string{dynamicPV, imported("imported", "other", policyRetain)}, ""},
		"one by hand of an adopted volume":       {[]string{staticPV, imported("main/"+idB+"/adopted", "projects", policyDelete)}, there},
		"one by hand of a retained volume":       {[]string{staticPV, imported("main/"+idB+"/adopted", "projects", policyRetain)}, ""},
		"one by hand of a volume that is static": {[]string{staticPV, imported("imported", "projects", policyDelete)}, ""},
		"two by hand":                            {[]string{staticPV, change(t, staticPV, "name: projects", "name: second")}, ""},
		"alone":                                  {[]string{dynamicPV}, ""},
	} {
		v := planOf(t, testSources(t, tc.volumes...), Choices{})
		i := slices.IndexFunc(v.Warnings, func(w string) bool { return strings.Contains(w, "set the policy Retain") })
		switch {
		case v.Action != Migrate:
			t.Errorf("%s: refused: %s", name, v.Reason)
		case (i >= 0) != (tc.want != ""), i >= 0 && !strings.Contains(v.Warnings[i], tc.want):
			t.Errorf("%s: the warnings are %q, want one with %q", name, v.Warnings, tc.want)
		case i >= 0 && !strings.Contains(v.Warnings[i], "imported"):
			t.Errorf("%s: %s does not name the other", name, v.Warnings[i])
		}
	}
}
