package volume

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func defaults(change func(*Parameters)) Parameters {
	p := Parameters{Durability: DefaultDurability(), GIDs: DefaultGIDRange(), SnapFactor: 1}
	change(&p)
	return p
}

func TestParseParameters(t *testing.T) {
	other := strings.Repeat("f", 32)
	tests := []struct {
		name string
		raw  map[string]string
		want Parameters
	}{
		{name: "none", want: defaults(func(*Parameters) {})},
		{
			name: "a whole class of the in-tree plugin",
			raw: map[string]string{
				"restURL": "HTTP://Heketi.Example:8080/", "clusterId": anyID + ", " + other + "," + anyID, "volumeType": "disperse:4:2",
				"restAuthEnabled": "true", "restUser": "admin", "secretNamespace": "default", "secretName": "heketi-secret",
				"gidMin": "40000", "gidMax": "50000", "volumeOptions": "client.ssl on, diagnostics.brick-log-level DEBUG",
				"volumeNamePrefix": "dept-dev", "snapFactor": "1.5", "customEpNamePrefix": "dbstorage",
			},
			want: defaults(func(p *Parameters) {
				p.RestURL, p.Clusters = "http://heketi.example:8080", []string{anyID, other}
				p.Durability = Durability{Type: Disperse, Data: 4, Redundancy: 2}
				p.GIDs, p.Ignored = GIDRange{40000, 50000}, []string{"restauthenabled", "restuser", "secretName", "secretNamespace"}
				p.Options = []Option{{"client.ssl", "on"}, {"diagnostics.brick-log-level", "DEBUG"}}
				p.Naming.Prefix, p.SnapFactor = "dept-dev", 1.5
			}),
		},
		{
			name: "the PVC of external-provisioner",
			raw:  map[string]string{"backend": "lab", keyPVCName: "data", keyPVCNamespace: "web", "csi.storage.k8s.io/pv/name": "pvc-1"},
			want: defaults(func(p *Parameters) { p.Backend, p.Naming = "lab", Naming{PVCNamespace: "web", PVCName: "data"} }),
		},
		{
			name: "arbiter, zones and tags",
			raw:  map[string]string{"arbiter": "True", "averageFileSize": "256", "zoneChecking": "strict", "deviceTagMatch": "disk!=Slow"},
			want: defaults(func(p *Parameters) {
				p.Options = []Option{
					{"user.heketi.arbiter", "true"}, {"user.heketi.average-file-size", "256"},
					{"user.heketi.device-tag-match", "disk!=Slow"}, {"user.heketi.zone-checking", "strict"},
				}
			}),
		},
		{
			name: "the same as options",
			raw:  map[string]string{"volumeoptions": "user.heketi.arbiter true,user.note a-b, user.heketi.arbiter true", "arbiter": "true"},
			want: defaults(func(p *Parameters) { p.Options = []Option{{"user.note", "a-b"}, {"user.heketi.arbiter", "true"}} }),
		},
		{
			name: "values that in-tree classes may have without effect",
			raw:  map[string]string{"restauthenabled": "false", "restuser": "", "secretnamespace": "", "secretname": "", "volumeoptions": "", "customepnameprefix": ""},
			want: defaults(func(*Parameters) {}),
		},
		{
			name: "the whole range of group ids",
			raw:  map[string]string{"gidmin": "2000", "gidmax": "2147483647"},
			want: defaults(func(*Parameters) {}),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseParameters(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseParametersRefuses(t *testing.T) {
	tests := []struct {
		raw  map[string]string
		says []string // field, value, what is allowed
	}{
		{map[string]string{"volumetyp": "none"}, []string{"parameters", "volumetyp", "did you mean volumetype?", "docs/parameters.md"}},
		{map[string]string{"profil": "x"}, []string{"parameters", "profil", "docs/parameters.md"}},
		{map[string]string{"volumetype": "replicate:9"}, []string{"volumetype", "replicate:9", "2 or 3"}},
		{map[string]string{"volumetype": "disperse:3:1"}, []string{"volumetype", "disperse:3:1", "2:1, 4:2"}},
		{map[string]string{"backend": ""}, []string{"backend"}},
		{map[string]string{"backend": "a/b"}, []string{"backend", "a/b"}},
		{map[string]string{"resturl": "heketi:8080"}, []string{"resturl", "heketi:8080", "http://"}},
		{map[string]string{"clusterid": "all"}, []string{"clusterid", "all", "32 hexadecimal"}},
		{map[string]string{"clusterid": ","}, []string{"clusterid"}},
		{map[string]string{"backend": "a", "Backend": "b"}, []string{"twice"}},
		{map[string]string{"backend": "a", "resturl": "http://h:1"}, []string{"resturl", "backend"}},
		{map[string]string{"csi.storage.k8s.iox": "1"}, []string{"csi.storage.k8s.iox"}},
		{map[string]string{"gidmin": "1999"}, []string{"gidMin", "1999", "2000 to 2147483647"}},
		{map[string]string{"gidmin": "x"}, []string{"gidMin", "2000"}},
		{map[string]string{"gidmax": "2147483648"}, []string{"gidMax", "2147483648"}},
		{map[string]string{"gidmin": "3000", "gidmax": "2999"}, []string{"gidMin", "3000", "gidMax (2999)"}},
		{map[string]string{"snapfactor": "0.5"}, []string{"snapfactor", "0.5", "1 to 100"}},
		{map[string]string{"snapfactor": "101"}, []string{"snapfactor", "101"}},
		{map[string]string{"snapfactor": "NaN"}, []string{"snapfactor"}},
		{map[string]string{"volumenameprefix": "a_b"}, []string{"volumenameprefix", "a_b", "letters"}},
		{map[string]string{"volumenameprefix": strings.Repeat("a", 41)}, []string{"volumenameprefix", "40"}},
		{map[string]string{"customepnameprefix": strings.Repeat("a", 27)}, []string{"customEpNamePrefix", "26"}},
		{map[string]string{"secretname": "a"}, []string{"secretName", "secretNamespace"}},
		{map[string]string{"secretnamespace": "a"}, []string{"secretNamespace"}},
		{map[string]string{"arbiter": "maybe"}, []string{"arbiter", "maybe", "true, false"}},
		{map[string]string{"arbiter": "true", "volumetype": "none"}, []string{"arbiter", "replicate:3", "none"}},
		{map[string]string{"averagefilesize": "64"}, []string{"averageFileSize", "arbiter"}},
		{map[string]string{"arbiter": "true", "averagefilesize": "0"}, []string{"averageFileSize", "1 to"}},
		{map[string]string{"zonechecking": "loose"}, []string{"zoneChecking", "loose", "none, strict"}},
		{map[string]string{"devicetagmatch": "a b"}, []string{"deviceTagMatch", "key=value"}},
		{map[string]string{"devicetagmatch": "--log-file=/etc/ld.so.preload"}, []string{"deviceTagMatch", "key=value"}},
		{map[string]string{"arbiter": "false", "volumeoptions": "user.heketi.arbiter true"}, []string{"volumeoptions", "user.heketi.arbiter", "contradicts"}},
	}
	for _, tt := range tests {
		_, err := ParseParameters(tt.raw)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v, want ErrInvalid", tt.raw, err)
			continue
		}
		for _, part := range tt.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v: %q does not say %q", tt.raw, err, part)
			}
		}
	}
}

// TestCredentialsAreNotKept: credentials for Heketi in a class are neither stored nor shown.
func TestCredentialsAreNotKept(t *testing.T) {
	for _, raw := range []map[string]string{
		{"restuser": "joe-hidden", "restuserkey": "hidden"},
		{"resturl": "http://joe:hidden@heketi:8080", "restuserkey": "hidden"},
		{"resturl": "http://joe:hidden@heketi:8080/x"},
		{"resturl": "http://joe:hidden@heketi:8080%zz"},
		{"restuserkey": "hidden", "secretname": "a"},
	} {
		p, err := ParseParameters(raw)
		if said := fmt.Sprintf("%#v %v", p, err); strings.Contains(said, "hidden") {
			t.Errorf("%v: %s", raw, said)
		}
	}
}

func FuzzParseParameters(f *testing.F) {
	f.Add("volumetype", "replicate:3")
	f.Add("resturl", "http://user:secret@host:8080/x?y")
	f.Add("clusterid", anyID+",")
	f.Add("volumeoptions", "client.ssl on; touch /tmp/x, user.a $(id)")
	f.Add("volumeoptions", "group "+strings.Repeat("\xff", 90))
	f.Add("volumeoptions", strings.Repeat("performance.", 50)+" on")
	f.Add("devicetagmatch", "a!=`id`")
	f.Add(strings.Repeat("volumetype", 50), "")
	f.Fuzz(func(t *testing.T, key, value string) {
		p, err := ParseParameters(map[string]string{key: value})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q=%q: %v is not ErrInvalid", key, value, err)
			}
			if len(err.Error()) >= 300 {
				t.Errorf("%q=%q: %d bytes are too many for an event: %v", key, value, len(err.Error()), err)
			}
			return
		}
		for _, o := range p.Options {
			if !safeOption(o) {
				t.Errorf("%q=%q: option %q", key, value, o)
			}
		}
		for _, id := range p.Clusters {
			if !heketiID.MatchString(id) {
				t.Errorf("%q=%q: cluster %q", key, value, id)
			}
		}
	})
}

// safeOption reports whether the shell into which Heketi writes the option leaves it unchanged as two words, and gluster takes
// neither for a command-line option.
func safeOption(o Option) bool {
	return len(strings.Fields(o.String())) == 2 && !strings.HasPrefix(o.Key, "-") && !strings.HasPrefix(o.Value, "-") &&
		!strings.ContainsAny(o.String(), "\"'`$;&|<>()*?[]{}\\\n~#") && (shellSafe.MatchString(o.Value) || strings.Contains(o.Value, "!="))
}
