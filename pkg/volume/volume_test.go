package volume

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContext(t *testing.T) {
	v := Volume{
		Handle: Handle{Backend: "lab", ID: anyID}, Name: "csi-x-00000000000000000000", CapacityBytes: GiB,
		Servers: []string{"10.0.0.1", "10.0.0.2", "fd00::3"}, Cluster: "c1", GID: 2000,
	}
	want := map[string]string{
		"volume": "csi-x-00000000000000000000", "servers": "10.0.0.1,10.0.0.2,fd00::3",
		"cluster": "c1", "backend": "lab", "gid": "2000",
	}
	if diff := cmp.Diff(want, v.Context()); diff != "" {
		t.Error(diff)
	}
	v.MountOptions, want["mountOptions"] = []string{"noatime", "lru-limit=0"}, "noatime,lru-limit=0"
	if diff := cmp.Diff(want, v.Context()); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	spec := Spec{Name: "x", Credentials: Credentials{User: "admin", Key: "topsecret"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, spec); strings.Contains(s, "topsecret") {
			t.Errorf("%s prints the key: %s", verb, s)
		}
	}
}
