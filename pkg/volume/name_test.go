package volume

import (
	"regexp"
	"strings"
	"testing"
)

func TestGlusterName(t *testing.T) {
	// The values must never change: volumes of released versions are found by them.
	tests := map[string]string{
		"pvc-2a6a4f4e-41bb-4c8f-9c0e-5fd5a4b3e3f9": "csi-pvc-2a6a4f4e-41bb-4c8f-9c0e-5fd5a4b3e3f9-3a29f725649fe2461315",
		"a.b/c d": "csi-a-b-c-d-",
		"":        "csi-volume-",
		"ÄÖÜ":     "csi-volume-",
	}
	for in, prefix := range tests {
		got := GlusterName(in, Naming{})
		if !strings.HasPrefix(got, prefix) {
			t.Errorf("GlusterName(%q) = %q, want %q...", in, got, prefix)
		}
	}
}

func TestGlusterNameKeepsNamesApart(t *testing.T) {
	long := strings.Repeat("x", 100)
	seen := make(map[string]string)
	for _, in := range []string{"a.b", "a-b", "a_b", "A-b", "a-b-", "-a-b", long, long + "y", long + "z"} {
		name := GlusterName(in, Naming{})
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q are both named %q", in, other, name)
		}
		seen[name] = in
	}
}

func TestGlusterNameNamesThePVC(t *testing.T) {
	tests := map[string]Naming{
		"csi-default_site-":            {PVCNamespace: "default", PVCName: "site"},
		"team-a_csi-default_site-":     {Prefix: "team-a", PVCNamespace: "default", PVCName: "site"},
		"team-a_csi-pvc-1-":            {Prefix: "team-a"},
		"csi-pvc-1-":                   {PVCNamespace: "default"},
		"csi-web_data-www-example-org": {PVCNamespace: "web", PVCName: "data.www.example.org"},
	}
	for prefix, naming := range tests {
		if got := GlusterName("pvc-1", naming); !strings.HasPrefix(got, prefix) || !IsOurs(got) {
			t.Errorf("GlusterName(%+v) = %q, want %q...", naming, got, prefix)
		}
	}
}

func TestIsOurs(t *testing.T) {
	for _, name := range []string{
		"", "data", "heketidbstorage", "vol_0123456789abcdef0123456789abcdef", "csi-data", "csi-data-0123",
		"csi-data-0123456789ABCDEF0123", "xcsi-data-0123456789abcdef0123", "csi-data-0123456789abcdef0123x",
	} {
		if IsOurs(name) {
			t.Errorf("IsOurs(%q) = true", name)
		}
	}
}

func FuzzGlusterName(f *testing.F) {
	allowed := regexp.MustCompile(`^[a-zA-Z0-9_-]+$`) // heketi: pkg/glusterfs/api, VolumeCreateRequest.Validate
	f.Add("pvc-2a6a4f4e-41bb-4c8f-9c0e-5fd5a4b3e3f9", "gluster", "default", "data-web-0")
	f.Add("; rm -rf /", "", "../..", "a.b.c")
	f.Add("x", strings.Repeat("p", 40), strings.Repeat("n", 63), strings.Repeat("c", 253))
	f.Fuzz(func(t *testing.T, s, prefix, namespace, pvc string) {
		if !validNamePrefix.MatchString(prefix) {
			prefix = ""
		}
		naming := Naming{Prefix: prefix, PVCNamespace: namespace, PVCName: pvc}
		name := GlusterName(s, naming)
		if !allowed.MatchString(name) || len(name) > longestName {
			t.Errorf("GlusterName(%q, %+v) = %q", s, naming, name)
		}
		if !IsOurs(name) {
			t.Errorf("IsOurs(%q) = false", name)
		}
		if name != GlusterName(s, naming) {
			t.Errorf("GlusterName(%q) is not deterministic", s)
		}
	})
}

// TestNameKey: all names of one CSI name have the same part after the last hyphen.
func TestNameKey(t *testing.T) {
	for name, want := range map[string]string{
		"csi-a-00000000000000000001": "00000000000000000001", "team-a_csi-a-00000000000000000001": "00000000000000000001", "web": "web", "web-": "", "": "",
	} {
		if got := NameKey(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
