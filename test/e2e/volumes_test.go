package e2e

import "testing"

// TestVolumes uses volumes in every way that docs/kubernetes.md describes, all at the same time.
func TestVolumes(t *testing.T) {
	theDriver(t)
	class := example(t, "storageclass-replicate.yaml") // that of most examples
	up(t, class, "")
	for name, test := range map[string]func(*testing.T){
		"the chain":                  testChain,
		"retained and used again":    testRetain,
		"static, chosen by label":    testStatic,
		"mount options":              testMountOptions,
		"one pod at a time":          testReadWriteOncePod,
		"read only":                  testReadOnlyMany,
		"two Heketis":                testTwoHeketis,
		"ephemeral":                  testEphemeral,
		"StatefulSet":                testStatefulSet,
		"three web servers":          testWebServers,
		"kinds of gluster volumes":   testKinds,
		"growing, as in the example": testGrowing,
		"examples are taken":         testExamples,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}
