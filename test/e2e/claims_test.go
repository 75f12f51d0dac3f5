package e2e

import (
	"path/filepath"
	"testing"
)

// TestVolumes uses volumes in every way that docs/kubernetes.md describes, each in its own namespace, all at the same time.
func TestVolumes(t *testing.T) { //nolint:tparallel // only the parts: another test may remove the driver
	theDriver(t)
	// The API server checks all examples, also those that no subtest uses.
	kubectl(t, "apply", "--dry-run=server", "--validate=strict", "-f", filepath.Join(root, "deploy", "examples"))
	up(t, example(t, "storageclass-replicate.yaml"), "") // the class of most examples
	handMade(t, "data")
	for name, test := range map[string]func(*space){
		"chain":         testChain,
		"ephemeral":     testEphemeral,
		"growing":       testGrowing,
		"kinds":         testKinds,
		"mount-options": testMountOptions,
		"once-pod":      testReadWriteOncePod,
		"read-only":     testReadOnlyMany,
		"retain":        testRetain,
		"stateful":      testStatefulSet,
		"static":        testStatic,
		"two-heketis":   testTwoHeketis,
		"web-servers":   testWebServers,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newSpace(t, name))
		})
	}
}
