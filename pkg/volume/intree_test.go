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

// outcome is the effect of a class with the in-tree plugin.
type outcome int

const (
	worked          outcome = iota // volumes were made
	refused                        // by the plugin
	refusedByHeketi                // accepted by the plugin, but no volume could be made
)

// inTreeCase is a class of kubernetes.io/glusterfs, with its outcome in the plugin of Kubernetes 1.25 and in this driver.
type inTreeCase struct {
	name       string
	parameters map[string]string // besides resturl, which has a default
	inTree     outcome
	want       func(*Parameters) // differences from the default parameters; nil: refused
	says       string            // part of the message if refused
	// documented is the sentence of docs/parameters.md about a class that worked and is now refused.
	documented string
	// lenient is the reason why a class that did not work is accepted.
	lenient string
}

const (
	inTreeURL = "https://localhost:8080"
	absent    = "(absent)" // stands for a class without resturl
)

func unchanged(*Parameters) {}

func gidRange(low, high int64) func(*Parameters) {
	return func(p *Parameters) { p.GIDs = GIDRange{low, high} }
}

func ignored(names ...string) func(*Parameters) { return func(p *Parameters) { p.Ignored = names } }

func dispersed(p *Parameters) { p.Durability = Durability{Type: Disperse, Data: 4, Redundancy: 2} }

func all(changes ...func(*Parameters)) func(*Parameters) {
	return func(p *Parameters) {
		for _, change := range changes {
			change(p)
		}
	}
}

// testedInTree returns the cases of the plugin's own test of its parameters (kubernetes: pkg/volume/glusterfs/glusterfs_test.go).
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
	return []inTreeCase{
		{name: "password", parameters: m{"restuser": "admin", "restuserkey": "password"}, want: ignored("restuser", "restuserkey")},
		{name: "secret", parameters: m{"restuser": "admin", "secretname": "mysecret", "secretnamespace": "default"},
			want: ignored("restuser", "secretName", "secretNamespace")},
		{name: "no authentication", parameters: noLogin(nil), want: unchanged},
		{name: "missing secret", parameters: m{"secretname": "mysecret", "secretnamespace": "default"}, inTree: refused,
			want: ignored("secretName", "secretNamespace"), lenient: "the Secret is not read"},
		{name: "secret with no namespace", parameters: m{"secretname": "mysecret"}, inTree: refused, says: "secretNamespace"},
		{name: "missing url", parameters: m{"resturl": absent, "restuser": "admin", "restuserkey": "password"}, inTree: refused,
			want: all(ignored("restuser", "restuserkey"), func(p *Parameters) { p.RestURL = "" }), lenient: "the only backend of the configuration is meant"},
		{name: "unknown parameter", parameters: m{"unknown": "yes", "restuser": "admin", "restuserkey": "password"}, inTree: refused, says: "unknown"},
		{name: "gidMin 0", parameters: noLogin(m{"gidMin": "0"}), inTree: refused, says: "gidMin"},
		{name: "gidMin 1999", parameters: noLogin(m{"gidMin": "1999"}), inTree: refused, says: "gidMin"},
		{name: "gidMax 0", parameters: noLogin(m{"gidMax": "0"}), inTree: refused, says: "gidMax"},
		{name: "gidMax 1999", parameters: noLogin(m{"gidMax": "1999"}), inTree: refused, says: "gidMax"},
		{name: "gidMin above gidMax", parameters: noLogin(m{"gidMin": "5001", "gidMax": "5000"}), inTree: refused, says: "gidMax (5000)"},
		{name: "gidMin", parameters: noLogin(m{"gidMin": "4000"}), want: gidRange(4000, 2147483647)},
		{name: "gidMax", parameters: noLogin(m{"gidMax": "5000"}), want: gidRange(2000, 5000)},
		{name: "gidMin and gidMax", parameters: ranged(nil), want: gidRange(4000, 5000)},
		{name: "four copies", parameters: ranged(m{"volumetype": "replicate:4"}), inTree: refusedByHeketi, says: "2 or 3"},
		{name: "dispersed", parameters: ranged(m{"volumetype": "disperse:4:2"}), want: all(gidRange(4000, 5000), dispersed)},
		{name: "snapfactor 50", parameters: ranged(m{"volumetype": "disperse:4:2", "snapfactor": "50"}),
			want: all(gidRange(4000, 5000), dispersed, func(p *Parameters) { p.SnapFactor = 50 })},
		{name: "name prefix", parameters: ranged(m{"volumetype": "disperse:4:2", "snapfactor": "50", "volumenameprefix": "dept-dev"}),
			want: all(gidRange(4000, 5000), dispersed, func(p *Parameters) { p.SnapFactor, p.Naming.Prefix = 50, "dept-dev" })},
		{name: "redundancy is not a number", parameters: noLogin(m{"volumetype": "disperse:4:asd"}), inTree: refused, says: "volumetype"},
		{name: "copies are not a number", parameters: noLogin(m{"volumetype": "replicate:asd"}), inTree: refused, says: "volumetype"},
		{name: "unknown volumetype", parameters: noLogin(m{"volumetype": "dispersereplicate:4:2"}), inTree: refused, says: "volumetype"},
		{name: "negative copies", parameters: noLogin(m{"volumetype": "replicate:-1000"}), inTree: refused, says: "volumetype"},
		{name: "snapfactor 0.5", parameters: noLogin(m{"snapfactor": "0.5"}), inTree: refused, says: "snapfactor"},
		{name: "snapfactor 120", parameters: noLogin(m{"snapfactor": "120"}), inTree: refused, says: "snapfactor"},
		{name: "name prefix is an underscore", parameters: noLogin(m{"volumenameprefix": "_"}), inTree: refused, says: "volumenameprefix"},
		{name: "name prefix has an underscore", parameters: noLogin(m{"volumenameprefix": "qe_dept"}), inTree: refused, says: "volumenameprefix"},
		// The plugin's test has four copies here, which do not matter for these cases.
		{name: "Endpoints prefix", parameters: ranged(m{"customEpNamePrefix": "myprefix"}), want: gidRange(4000, 5000)},
		{name: "no Endpoints prefix", parameters: ranged(m{"customEpNamePrefix": ""}), want: gidRange(4000, 5000)},
		{name: "Endpoints prefix of 26", parameters: ranged(m{"customEpNamePrefix": "charstringhastwentysixchar"}), want: gidRange(4000, 5000)},
		{name: "Endpoints prefix above 26", parameters: ranged(m{"customEpNamePrefix": "myprefixhasmorethan26characters"}),
			inTree: refused, says: "customEpNamePrefix"},
	}
}

// untestedInTree returns cases that the plugin's code determines and its test lacks (kubernetes:
// pkg/volume/glusterfs/glusterfs.go, parseClassParameters), with Heketi's reaction (heketi: apps/glusterfs/app_volume.go,
// executors/cmdexec/volume.go).
func untestedInTree() []inTreeCase {
	type m = map[string]string
	options := func(o ...Option) func(*Parameters) { return func(p *Parameters) { p.Options = o } }
	const (
		otherCounts = "other counts fail in Heketi, or do something else"
		safeOptions = "checked by name and value"
		prefixes    = "1 to 40 letters, digits and dashes"
	)
	return []inTreeCase{
		{name: "empty values", parameters: m{"clusterid": "", "volumetype": "", "volumeoptions": "", "volumenameprefix": "", "snapfactor": "",
			"restuser": "", "restuserkey": "", "secretname": "", "secretnamespace": ""}, want: unchanged},
		{name: "empty gidMin", parameters: m{"gidMin": ""}, inTree: refused, says: "gidMin"},
		{name: "keys in capitals", parameters: m{"GIDMIN": "4000", "VolumeType": "none"},
			want: all(gidRange(4000, 2147483647), func(p *Parameters) { p.Durability = Durability{Type: None} })},
		{name: "a key twice", parameters: m{"gidmin": "4000", "gidMin": "5000"}, says: "twice", documented: "and so is a key that is given twice"},

		{name: "the class of the tutorial, on a Heketi without keys", parameters: m{"restuser": "joe", "restuserkey": "My Secret Life"},
			want: ignored("restuser", "restuserkey")},
		{name: "without login, a user", parameters: m{"restauthenabled": "False", "restuser": "bob"}, want: ignored("restauthenabled", "restuser")},
		{name: "without login, a Secret", parameters: m{"restauthenabled": "false", "secretname": "a", "secretnamespace": "b"},
			want: ignored("restauthenabled", "secretName", "secretNamespace")},
		{name: "without login, half a Secret", parameters: m{"restauthenabled": "", "secretname": "a"}, want: ignored("restauthenabled", "secretName")},
		{name: "with login, half a Secret", parameters: m{"restauthenabled": "true", "secretnamespace": "a"}, inTree: refused, says: "both"},
		{name: "half a Secret and a key", parameters: m{"restuserkey": "k", "secretname": "a"}, inTree: refused, says: "both"},
		{name: "without login, a key", parameters: m{"restauthenabled": "false", "restuserkey": "k"}, want: ignored("restauthenabled", "restuserkey")},
		{name: "with login", parameters: m{"restauthenabled": "TRUE", "restuser": "admin"}, want: ignored("restauthenabled", "restuser")},
		{name: "the user with few rights", parameters: m{"restuser": "user"}, inTree: refusedByHeketi, want: ignored("restuser"),
			lenient: "the backend's own user is used"},
		{name: "a password in the url, which Heketi does not see", parameters: m{"resturl": strings.Replace(inTreeURL, "//", "//joe:secret@", 1)},
			want: ignored("user and password in resturl")},

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
		{name: "one copy, which gluster does not call a replica", parameters: m{"volumetype": "replicate:1"}, inTree: refusedByHeketi, says: "none"},
		{name: "no copies, which Heketi takes for two", parameters: m{"volumetype": "replicate:0"}, says: "volumetype", documented: otherCounts},
		{name: "copies and something more", parameters: m{"volumetype": "replicate:2:1"}, says: "volumetype", documented: "further parts are ignored"},
		{name: "no redundancy and something more", parameters: m{"volumetype": "none:3"}, says: "volumetype", documented: "further parts are ignored"},
		{name: "dispersed without redundancy", parameters: m{"volumetype": "disperse:4"}, inTree: refused, says: "volumetype"},
		{name: "dispersed as Heketi does not", parameters: m{"volumetype": "disperse:3:1"}, inTree: refusedByHeketi, says: "volumetype"},
		{name: "capitals", parameters: m{"volumetype": "Replicate:3"}, inTree: refused, says: "volumetype"},

		{name: "an option without what stands before its dot", parameters: m{"volumeoptions": "features.cache-invalidation on, nl-cache on"},
			want: options(Option{"features.cache-invalidation", "on"}, Option{"performance.nl-cache", "on"})},
		{name: "such an option of which gluster has two", parameters: m{"volumeoptions": "eager-lock on"}, inTree: refusedByHeketi, says: "cluster.eager-lock or disperse.eager-lock"},
		{name: "a group, and something else than it sets", parameters: m{"volumeoptions": "group virt, features.shard off"},
			want: options(Option{"group", "virt"}, Option{"features.shard", "off"})},
		{name: "two groups", parameters: m{"volumeoptions": "group metadata-cache, group nl-cache"},
			want: options(Option{"group", "metadata-cache"}, Option{"group", "nl-cache"})},
		{name: "a network", parameters: m{"volumeoptions": "auth.allow 10.0.0.0/8"}, want: options(Option{"auth.allow", "10.0.0.0/8"})},
		{name: "blocks that are too small", parameters: m{"volumeoptions": "features.shard on, features.shard-block-size 64"}, inTree: refusedByHeketi, says: "4MB to 4TB"},
		{name: "a size as gluster does not write it", parameters: m{"volumeoptions": "performance.write-behind-window-size 1M"}, inTree: refusedByHeketi, says: "1GB"},
		{name: "a group that gluster has in small letters", parameters: m{"volumeoptions": "group VIRT"}, inTree: refusedByHeketi, says: "virt"},
		{name: "an option for copies, without copies", parameters: m{"volumetype": "none", "volumeoptions": "cluster.self-heal-daemon off"},
			inTree: refusedByHeketi, says: "at least 2 copies"},
		{name: "the owner of the root directory", parameters: m{"volumeoptions": "storage.owner-gid 1000"}, says: "group id",
			documented: "`storage.owner-gid` and `storage.owner-uid` are refused"},
		{name: "a share of Samba", parameters: m{"volumeoptions": "user.smb enable"}, says: "Samba", documented: "export the volume by Samba or NFS"},
		{name: "an option for root's command", parameters: m{"volumeoptions": "user.a --log-file=/etc/ld.so.preload"}, says: "dash", documented: safeOptions},

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
		{name: "snapfactor is not a number", parameters: m{"snapfactor": "much"}, inTree: refused, says: "snapfactor"},
		{name: "snapfactor NaN, which is not valid JSON", parameters: m{"snapfactor": "NaN"}, inTree: refusedByHeketi, says: "snapfactor"},

		{name: "name prefix that Heketi refuses", parameters: m{"volumenameprefix": "a.b"}, inTree: refusedByHeketi, says: "volumenameprefix"},
		{name: "name prefix that is long", parameters: m{"volumenameprefix": strings.Repeat("a", 41)}, says: "volumenameprefix", documented: prefixes},

		{name: "gidMax above 31 bits", parameters: m{"gidMax": "2147483648"}, inTree: refused, says: "gidMax"},
		{name: "the whole range of group ids", parameters: m{"gidMin": "2000", "gidMax": "2147483647"}, want: unchanged},
	}
}

// TestInTreeClasses: a class that worked still works, unless docs/parameters.md explains why not.
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
