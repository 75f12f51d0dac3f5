package chart

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	docs "github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// TestSidecarsAreThoseThatWereTried: the chart's sidecars have the versions that the end-to-end tests build, or, if those use
// stand-ins, the versions that docs/install.md says were tried by hand. The table there names the same versions.
func TestSidecarsAreThoseThatWereTried(t *testing.T) {
	type sidecar struct {
		Image struct{ Repository, Tag string }
	}
	var values struct{ Provisioner, Resizer, RegistrarSidecar, LivenessProbeSidecar sidecar }
	if err := yaml.Unmarshal([]byte(read(t, chartDir+"/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	module, page := read(t, root+"/test/e2e/tools/go.mod"), docs.Page(t, "install.md")
	prose := strings.Join(strings.Fields(page), " ")
	for _, c := range []struct {
		sidecar       sidecar
		text, version string
	}{
		{values.Provisioner, module, `github\.com/kubernetes-csi/external-provisioner/v\d+ (v\S+)`},
		{values.Resizer, module, `github\.com/kubernetes-csi/external-resizer/v\d+ (v\S+)`},
		{values.RegistrarSidecar, prose, `tried by hand with .*?node-driver-registrar (v[\d.]*\d)`},
		{values.LivenessProbeSidecar, prose, `tried by hand with .*?livenessprobe (v[\d.]*\d)`},
	} {
		image := c.sidecar.Image
		if tried := regexp.MustCompile(c.version).FindStringSubmatch(c.text); tried == nil {
			t.Errorf("%s: no version was tried: %s", image.Repository, c.version)
		} else if image.Tag != tried[1] {
			t.Errorf("%s: values.yaml has %s, and %s was tried", image.Repository, image.Tag, tried[1])
		}
		if row := fmt.Sprintf("| `%s:%s` |", image.Repository, image.Tag); !strings.Contains(page, row) {
			t.Errorf("the table of images in docs/install.md has no row that begins with %s", row)
		}
	}
}
