// Package versions lists the versions of Kubernetes that the end-to-end tests run on, and what differs between them for
// the tests. The newest is built by test/e2e/tools, the others by test/e2e/kubernetes.
package versions

import (
	"fmt"
	"slices"
	"strings"
)

// The first minor versions with a feature that tests must distinguish: see Version.Has.
const (
	// SmallerClaims: a claim whose expansion failed may ask for less (RecoverVolumeExpansionFailure).
	SmallerClaims = 32
	// MutatingAdmissionPolicies: the API server has the policies with which the chart annotates PersistentVolumes.
	MutatingAdmissionPolicies = 36
	// RareWarnings: a kubelet does not drop a warning after many normal events of the same pod.
	RareWarnings = 36
)

// Version is one version of Kubernetes.
type Version struct {
	Minor   int
	Release string
	// FastSpecs is how many specs of the storage suite's set "fast" pass.
	FastSpecs int
	// SuiteImages are the images that the specs run, with the tags of the release's test/utils/image/manifest.go.
	SuiteImages []string
}

// All returns the versions, the oldest first.
func All() []Version {
	return []Version{
		{
			Minor: 30, Release: "v1.30.14", FastSpecs: 34,
			SuiteImages: []string{"agnhost:2.47", "busybox:1.36.1-1", "nginx:1.14-4", "nginx:1.15-4"},
		},
		{
			Minor: 33, Release: "v1.33.13", FastSpecs: 35,
			SuiteImages: []string{"agnhost:2.53", "busybox:1.36.1-1", "nginx:1.14-4", "nginx:1.15-4"},
		},
		{
			Minor: 36, Release: "v1.36.3", FastSpecs: 35,
			SuiteImages: []string{"agnhost:2.63.0", "busybox:1.37.0-1", "nginx:1.15-4"},
		},
	}
}

// Newest returns the version that is tested by default.
func Newest() Version {
	all := All()
	return all[len(all)-1]
}

// Of returns the version with this gitVersion.
func Of(release string) (Version, error) {
	all := All()
	names := make([]string, 0, len(all))
	for _, v := range all {
		if v.Release == release {
			return v, nil
		}
		names = append(names, v.Release)
	}
	return Version{}, fmt.Errorf("no test knows Kubernetes %q; the known versions are %s", release, strings.Join(names, ", "))
}

// Has reports whether the version is at least 1.since, which is one of the constants above.
func (v Version) Has(since int) bool { return v.Minor >= since }

// SuiteImages returns the names of an image in all versions, each once.
func SuiteImages(image string) []string {
	var names []string
	for _, v := range slices.Backward(All()) {
		for _, name := range v.SuiteImages {
			if strings.HasPrefix(name, image+":") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
