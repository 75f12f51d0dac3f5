package volume

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outcome is what became of a class with the in-tree plugin.
type outcome int

const (
	worked          outcome = iota // volumes were made
	refused                        // by the plugin
	refusedByHeketi                // the plugin took it, and no volume could be made
)

// inTreeCase is a class of kubernetes.io/glusterfs: what the plugin of Kubernetes 1.25 made of it, and what this
// driver does.
type inTreeCase struct {
	name       string
	parameters map[string]string // besides resturl, which has a value of its own unless it is here
	inTree     outcome
	want       func(*Parameters) // what differs from the defaults; nil: refused
	says       string            // part of the message, when refused
	// documented is the sentence of docs/parameters.md for a class that worked and is refused.
	documented string
	// lenient is why a class is taken that did not work.
	lenient string
}

const (
	inTreeURL = "https://localhost:8080"
	absent    = "(absent)" // a resturl that the class does not have
)

func unchanged(*Parameters) {}

func gidRange(low, high int64) func(*Parameters) {
	return func(p *Parameters) { p.GIDs = GIDRange{low, high} }
}

func dispersed(p *Parameters) { p.Durability = Durability{Type: Disperse, Data: 4, Redundancy: 2} }

func all(changes ...func(*Parameters)) func(*Parameters) {
	return func(p *Parameters) {
		for _, change := range changes {
			change(p)
		}
	}
}

// testedInTree are the cases of the plugin's own test of its parameters (kubernetes: pkg/volume/glusterfs/glusterfs_test.go).
func testedInTree() []inTreeCase {
	type m = map[string]string
	noLogin := func(extra m) m {
		all := m{"restauthenabled": "false"}
		maps.Copy(all, extra)
		return all
	}
	ranged := func(extra m) m {
		all := noLogin(m{"gidMin": "4000", "gidMax": "5000"})
		maps.Copy(all, extra)
		return all
	}
	const refusedKey = "refused: a class is no place for a secret"
	return []inTreeCase{
		{name: "password", parameters: m{"restuser": "admin", "restuserkey": "password"}, says: "restuserkey", documented: refusedKey},
		{name: "secret", parameters: m{"restuser": "admin", "secretname": "mysecret", "secretnamespace": "default"},
			want: func(p *Parameters) { p.SecretRef = "default/mysecret" }},
		{name: "no authentication", parameters: noLogin(nil), want: unchanged},
		{name: "missing secret", parameters: m{"secretname": "mysecret", "secretnamespace": "default"}, inTree: refused,
			want: func(p *Parameters) { p.SecretRef = "default/mysecret" }, lenient: "the Secret is not read, so nobody knows that it is missing"},
		{name: "secret with no namespace", parameters: m{"secretname": "mysecret"}, inTree: refused, says: "secretNamespace"},
		// The next two have a restuserkey there, which is not what they are about.
		{name: "missing url", parameters: m{"resturl": absent, "restuser": "admin"}, inTree: refused,
			want: func(p *Parameters) { p.RestURL = "" }, lenient: "the only backend of the configuration is meant"},
		{name: "unknown parameter", parameters: m{"unknown": "yes", "restuser": "admin"}, inTree: refused, says: "unknown"},
		{name: "gidMin 0", parameters: noLogin(m{"gidMin": "0"}), inTree: refused, says: "gidMin"},
		{name: "gidMin 1999", parameters: noLogin(m{"gidMin": "1999"}), inTree: refused, says: "gidMin"},
		{name: "gidMax 0", parameters: noLogin(m{"gidMax": "0"}), inTree: refused, says: "gidMax"},
		{name: "gidMax 1999", parameters: noLogin(m{"gidMax": "1999"}), inTree: refused, says: "gidMax"},
		{name: "gidMin above gidMax", parameters: noLogin(m{"gidMin": "5001", "gidMax": "5000"}), inTree: refused, says: "gidMax (5000)"},
		{name: "gidMin", parameters: noLogin(m{"gidMin": "4000"}), want: gidRange(4000, 2147483647)},
		{name: "gidMax", parameters: noLogin(m{"gidMax": "5000"}), want: gidRange(2000, 5000)},
		{name: "gidMin and gidMax", parameters: ranged(nil), want: gidRange(4000, 5000)},
		{name: "four copies", parameters: ranged(m{"volumetype": "replicate:4"}), inTree: refusedByHeketi, says: "1 to 3"},
		{name: "dispersed", parameters: ranged(m{"volumetype": "disperse:4:2"}), want: all(gidRange(4000, 5000), dispersed)},
		{name: "snapfactor 50", parameters: ranged(m{"volumetype": "disperse:4:2", "snapfactor": "50"}),
			want: all(gidRange(4000, 5000), dispersed, func(p *Parameters) { p.SnapFactor = 50 })},
		{name: "name prefix", parameters: ranged(m{"volumetype": "disperse:4:2", "snapfactor": "50", "volumenameprefix": "dept-dev"}),
			want: all(gidRange(4000, 5000), dispersed, func(p *Parameters) { p.SnapFactor, p.Naming.Prefix = 50, "dept-dev" })},
		{name: "redundancy is no number", parameters: noLogin(m{"volumetype": "disperse:4:asd"}), inTree: refused, says: "volumetype"},
		{name: "copies are no number", parameters: noLogin(m{"volumetype": "replicate:asd"}), inTree: refused, says: "volumetype"},
		{name: "unknown volumetype", parameters: noLogin(m{"volumetype": "dispersereplicate:4:2"}), inTree: refused, says: "volumetype"},
		{name: "negative copies", parameters: noLogin(m{"volumetype": "replicate:-1000"}), inTree: refused, says: "volumetype"},
		{name: "snapfactor 0.5", parameters: noLogin(m{"snapfactor": "0.5"}), inTree: refused, says: "snapfactor"},
		{name: "snapfactor 120", parameters: noLogin(m{"snapfactor": "120"}), inTree: refused, says: "snapfactor"},
		{name: "name prefix is an underscore", parameters: noLogin(m{"volumenameprefix": "_"}), inTree: refused, says: "volumenameprefix"},
		{name: "name prefix has an underscore", parameters: noLogin(m{"volumenameprefix": "qe_dept"}), inTree: refused, says: "volumenameprefix"},
		// With four copies in the plugin's test, which are not what these are about.
		{name: "Endpoints prefix", parameters: ranged(m{"customEpNamePrefix": "myprefix"}), want: gidRange(4000, 5000)},
		{name: "no Endpoints prefix", parameters: ranged(m{"customEpNamePrefix": ""}), want: gidRange(4000, 5000)},
		{name: "Endpoints prefix of 26", parameters: ranged(m{"customEpNamePrefix": "charstringhastwentysixchar"}), want: gidRange(4000, 5000)},
		{name: "Endpoints prefix above 26", parameters: ranged(m{"customEpNamePrefix": "myprefixhasmorethan26characters"}),
			inTree: refused, says: "customEpNamePrefix"},
	}
}

// untestedInTree are cases that the plugin's code decides and its test does not have (kubernetes:
// pkg/volume/glusterfs/glusterfs.go, parseClassParameters), with what Heketi makes of them (heketi:
// apps/glusterfs/app_volume.go, executors/cmdexec/volume.go).
func untestedInTree() []inTreeCase {
	type m = map[string]string
	options := func(o ...Option) func(*Parameters) { return func(p *Parameters) { p.Options = o } }
	const (
		otherCounts = "other counts fail in Heketi, or do something else"
		safeOptions = "comma-separated `option value` pairs from a list that is safe"
		prefixes    = "1 to 40 letters, digits and dashes"
	)
	return []inTreeCase{
		{name: "empty values", parameters: m{"clusterid": "", "volumetype": "", "volumeoptions": "", "volumenameprefix": "", "snapfactor": "",
			"restuser": "", "restuserkey": "", "secretname": "", "secretnamespace": ""}, want: unchanged},
		{name: "empty gidMin", parameters: m{"gidMin": ""}, inTree: refused, says: "gidMin"},
		{name: "keys in capitals", parameters: m{"GIDMIN": "4000", "VolumeType": "none"},
			want: all(gidRange(4000, 2147483647), func(p *Parameters) { p.Durability = Durability{Type: None} })},
		{name: "a key twice", parameters: m{"gidmin": "4000", "gidMin": "5000"}, says: "twice", documented: "and so is a key that is given twice"},

		{name: "without login, a user", parameters: m{"restauthenabled": "False", "restuser": "bob"}, want: unchanged},
		{name: "without login, a Secret", parameters: m{"restauthenabled": "false", "secretname": "a", "secretnamespace": "b"}, want: unchanged},
		{name: "without login, half a Secret", parameters: m{"restauthenabled": "", "secretname": "a"}, want: unchanged},
		{name: "without login, a key", parameters: m{"restauthenabled": "false", "restuserkey": "k"}, says: "restuserkey",
			documented: "refused: a class is no place for a secret"},
		{name: "with login", parameters: m{"restauthenabled": "TRUE", "restuser": "admin"}, want: unchanged},
		{name: "the user of little right", parameters: m{"restuser": "user"}, inTree: refusedByHeketi, says: "not ask for its end"},
		{name: "a user that a Heketi without keys does not look at", parameters: m{"restuser": "bob"}, says: "restuser",
			documented: "others cannot make volumes: refused"},

		{name: "empty url", parameters: m{"resturl": ""}, inTree: refused, says: "resturl"},
		{name: "url with a slash", parameters: m{"resturl": inTreeURL + "/"}, inTree: refusedByHeketi, want: unchanged,
			lenient: "a POST to a path with two slashes was redirected to a GET; the slash means nothing"},
		{name: "url without a scheme", parameters: m{"resturl": "localhost:8080"}, inTree: refusedByHeketi, says: "resturl"},

		{name: "two clusters", parameters: m{"clusterid": strings.Repeat("a", 32) + "," + strings.Repeat("b", 32)},
			want: func(p *Parameters) { p.Clusters = []string{strings.Repeat("a", 32), strings.Repeat("b", 32)} }},
		{name: "two clusters with a blank", parameters: m{"clusterid": strings.Repeat("a", 32) + ", " + strings.Repeat("b", 32)}, inTree: refusedByHeketi,
			want:    func(p *Parameters) { p.Clusters = []string{strings.Repeat("a", 32), strings.Repeat("b", 32)} },
			lenient: "what is meant is clear"},
		{name: "a comma after the cluster", parameters: m{"clusterid": strings.Repeat("a", 32) + ","}, inTree: refusedByHeketi, says: "clusterid"},

		{name: "three copies", parameters: m{"volumetype": "replicate"}, want: unchanged},
		{name: "one copy", parameters: m{"volumetype": "replicate:1"}, want: func(p *Parameters) { p.Durability.Replica = 1 }},
		{name: "no copies, which Heketi takes for two", parameters: m{"volumetype": "replicate:0"}, says: "volumetype", documented: otherCounts},
		{name: "copies and something more", parameters: m{"volumetype": "replicate:2:1"}, says: "volumetype", documented: "further parts are ignored"},
		{name: "no redundancy and something more", parameters: m{"volumetype": "none:3"}, says: "volumetype", documented: "further parts are ignored"},
		{name: "dispersed without redundancy", parameters: m{"volumetype": "disperse:4"}, inTree: refused, says: "volumetype"},
		{name: "dispersed as Heketi does not", parameters: m{"volumetype": "disperse:3:1"}, inTree: refusedByHeketi, says: "volumetype"},
		{name: "capitals", parameters: m{"volumetype": "Replicate:3"}, inTree: refused, says: "volumetype"},

		{name: "options", parameters: m{"volumeoptions": "client.ssl on, diagnostics.brick-log-level DEBUG"},
			want: options(Option{"client.ssl", "on"}, Option{"diagnostics.brick-log-level", "DEBUG"})},
		{name: "a comma after the options", parameters: m{"volumeoptions": "client.ssl on,"}, want: options(Option{"client.ssl", "on"})},
		{name: "an option without a value", parameters: m{"volumeoptions": "client.ssl"}, inTree: refusedByHeketi, says: "client.ssl"},
		{name: "an option that changes the node", parameters: m{"volumeoptions": "changelog.changelog-dir /etc"}, says: "changelog", documented: safeOptions},
		{name: "a command for root", parameters: m{"volumeoptions": "client.ssl on; reboot"}, says: "volumeoptions", documented: safeOptions},
		{name: "an option twice, of which gluster keeps the last", parameters: m{"volumeoptions": "client.ssl on,client.ssl off"}, says: "twice",
			documented: "an option twice with two values"},

		{name: "snapfactor 1", parameters: m{"snapfactor": "1"}, want: unchanged},
		{name: "snapfactor 100", parameters: m{"snapfactor": "100"}, want: func(p *Parameters) { p.SnapFactor = 100 }},
		{name: "snapfactor 100.5", parameters: m{"snapfactor": "100.5"}, inTree: refused, says: "snapfactor"},
		{name: "snapfactor is no number", parameters: m{"snapfactor": "much"}, inTree: refused, says: "snapfactor"},
		{name: "snapfactor NaN, which is no JSON", parameters: m{"snapfactor": "NaN"}, inTree: refusedByHeketi, says: "snapfactor"},

		{name: "name prefix that Heketi refuses", parameters: m{"volumenameprefix": "a.b"}, inTree: refusedByHeketi, says: "volumenameprefix"},
		{name: "name prefix that is long", parameters: m{"volumenameprefix": strings.Repeat("a", 41)}, says: "volumenameprefix", documented: prefixes},

		{name: "gidMax above 31 bits", parameters: m{"gidMax": "2147483648"}, inTree: refused, says: "gidMax"},
		{name: "the whole range of group ids", parameters: m{"gidMin": "2000", "gidMax": "2147483647"}, want: unchanged},
	}
}

// TestInTreeClasses: a class that worked works, unless docs/parameters.md says why it does not.
func TestInTreeClasses(t *testing.T) {
	raw, err := os.ReadFile("../../docs/parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(raw)), " ")
	for _, tt := range slices.Concat(testedInTree(), untestedInTree()) {
		t.Run(tt.name, func(t *testing.T) {
			if needs := tt.inTree == worked && tt.want == nil; needs != (tt.documented != "") || !strings.Contains(page, tt.documented) {
				t.Errorf("it worked and is refused: %t; docs/parameters.md must then say %q", needs, tt.documented)
			}
			if needs := tt.inTree != worked && tt.want != nil; needs != (tt.lenient != "") {
				t.Errorf("it did not work and is taken: %t; the reason is %q", needs, tt.lenient)
			}
			parameters := map[string]string{"resturl": inTreeURL}
			maps.Copy(parameters, tt.parameters)
			maps.DeleteFunc(parameters, func(_, value string) bool { return value == absent })
			got, err := ParseParameters(parameters)
			if tt.want == nil {
				if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v, want ErrInvalid that says %q", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := defaults(func(p *Parameters) { p.RestURL = inTreeURL })
			tt.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestInTreeSizes: what the plugin asked Heketi for, in GiB, and what this driver does (kubernetes:
// pkg/volume/glusterfs/glusterfs.go, CreateVolume).
func TestInTreeSizes(t *testing.T) {
	for _, tt := range []struct {
		bytes      int64
		volumetype string
		inTree     int
		want       int
		why        string // they differ
	}{
		{1, "replicate:3", 1, 1, ""},
		{1000 * 1000 * 1000, "replicate:3", 1, 1, ""},
		{GiB, "replicate:3", 1, 1, ""},
		{GiB + 1, "replicate:3", 2, 2, ""},
		{10 * GiB, "none", 10, 10, ""},
		{3*GiB - 1, "disperse:4:2", 3, 4, "Heketi refuses a dispersed volume with bricks below 1 GiB"},
		{4*GiB + 1, "disperse:4:2", 5, 5, ""},
	} {
		durability, err := ParseDurability(tt.volumetype)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Capacity{RequiredBytes: tt.bytes}.SizeGiB(durability.MinGiB())
		if err != nil || got != tt.want || (got != tt.inTree) != (tt.why != "") {
			t.Errorf("%d bytes of %s: %d GiB, %v; want %d, in-tree %d (%s)", tt.bytes, tt.volumetype, got, err, tt.want, tt.inTree, tt.why)
		}
	}
}

// TestInTreeGroupIDs: the plugin's allocator gave the lowest free id of the range, both ends included (kubernetes:
// pkg/volume/glusterfs/glusterfs_minmax.go).
func TestInTreeGroupIDs(t *testing.T) {
	const none = -1
	for _, tt := range []struct {
		name     string
		low      string
		high     string
		taken    []int64
		inTree   int64
		want     int64
		why      string // they differ
		whatElse error
	}{
		{"first", "2000", "2005", nil, 2000, 2000, "", nil},
		{"after two", "2000", "2005", []int64{2000, 2001}, 2002, 2002, "", nil},
		{"a gap", "2000", "2005", []int64{2000, 2002}, 2001, 2001, "", nil},
		{"the last", "2000", "2001", []int64{2000}, 2001, 2001, "", nil},
		{"none is left", "2000", "2001", []int64{2000, 2001}, none, none, "", ErrExhausted},
		{"a range of one", "4000", "4000", nil, 4000, 4000, "", nil},
		{"outside the range", "4000", "4001", []int64{2000, 4002}, 4000, 4000, "", nil},
		{"the highest", "2147483646", "2147483647", []int64{2147483646}, 2147483647, none, "Heketi refuses that id", ErrExhausted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParseParameters(map[string]string{"gidMin": tt.low, "gidMax": tt.high})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.GIDs.Lowest(func(gid int64) bool { return slices.Contains(tt.taken, gid) })
			if err != nil {
				got = none
			}
			if got != tt.want || !errors.Is(err, tt.whatElse) || (got != tt.inTree) != (tt.why != "") {
				t.Errorf("%d, %v; want %d, in-tree %d (%s)", got, err, tt.want, tt.inTree, tt.why)
			}
		})
	}
}
