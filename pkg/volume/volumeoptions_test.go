package volume

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

var update = flag.Bool("update", false, "write what is generated in docs/ instead of comparing with it")

func TestParseOptions(t *testing.T) {
	tests := map[string][]Option{
		"":              nil,
		"   ":           nil,
		"client.ssl on": {{"client.ssl", "on"}},
		" performance.cache-size 256MB ,\tnetwork.ping-timeout  10": {{"performance.cache-size", "256MB"}, {"network.ping-timeout", "10"}},
		"cluster.min-free-disk 10%,user.Team.x-y_z a@b":             {{"cluster.min-free-disk", "10%"}, {"user.Team.x-y_z", "a@b"}},
		"client.ssl on, ,":                          {{"client.ssl", "on"}},
		"client.ssl on,client.ssl on":               {{"client.ssl", "on"}},
		"group virt, cluster.choose-local on":       {{"group", "virt"}, {"cluster.choose-local", "on"}},
		"features.shard off, group virt, shard off": {{"group", "virt"}, {"features.shard", "off"}},
		"group metadata-cache, group nl-cache":      {{"group", "metadata-cache"}, {"group", "nl-cache"}},
		"user.heketi.device-tag-match disk!=slow":   {{"user.heketi.device-tag-match", "disk!=slow"}},
		// Short names, each of which has exactly one full name in gluster.
		"nl-cache on, cache-size 64MB, shard Enable": {{"performance.nl-cache", "on"}, {"performance.cache-size", "64MB"}, {"features.shard", "Enable"}},
	}
	for raw, want := range tests {
		got, err := parseOptions(raw)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	tests := map[string][]string{ // the option, and parts of the message
		"client.ssl":                          {"client.ssl", "a blank"},
		"client.ssl on off":                   {"client.ssl on off", "a blank"},
		"client.ssl perhaps":                  {"client.ssl perhaps", "one of on, off"},
		"client.ssl on;reboot":                {"one of on, off"},
		"client.ssl $(reboot)":                {"one of on, off"},
		"user.x a;b":                          {"letters, digits"},
		"user.x `id`":                         {"letters, digits"},
		"user.x a'b":                          {"letters, digits"},
		"user.x;y z":                          {"user.x;y", "may set", "docs/parameters.md"},
		"changelog.changelog-dir /etc":        {"changelog.changelog-dir", "may set", "docs/parameters.md"},
		"storage.create-mask 0777":            {"storage.create-mask", "may set"},
		"user.heketi.id 1":                    {"user.heketi.id", "may set"},
		"client.ssl on,client.ssl off":        {"client.ssl", "twice"},
		"nl-cache on,performance.nl-cache no": {"performance.nl-cache", "twice, as on and as no"},
		"user.heketi.device-tag-match a=b;ls": {"key=value"},

		// Command-line options of the gluster command.
		"--force yes":                                    {"--force", "may set"},
		"user.a --log-file=/etc/ld.so.preload":           {"user.a --log-file=/etc/ld.so.preload", "not begin with a dash"},
		"user.a -x":                                      {"not begin with a dash"},
		"auth.allow --xml":                               {"auth.allow --xml", "IPv4 network"},
		"auth.ssl-allow --remote-host=h":                 {"common name"},
		"cluster.min-free-disk --xml":                    {"percentage"},
		"user.heketi.device-tag-match --log-file=/etc/x": {"key=value"},
		"user.heketi.device-tag-match -a=b":              {"key=value"},
		"--glusterd-sock=/x on":                          {"--glusterd-sock=/x", "may set"},
		"group --xml":                                    {"nl-cache"},

		// Options that programs on gluster servers act on.
		"user.smb on":               {"user.smb on", "Samba"},
		"user.cifs off":             {"user.cifs off", "Samba"},
		"user.smbx enable":          {"Samba"}, // matches a pattern of the hook script, like the next ones
		"user.my.user.cifs on":      {"Samba"},
		"user.my-user-smb on":       {"Samba"},
		"user.x on=user.smb":        {"Samba"},
		"user.ganesha.enable on":    {"NFS"},
		"user.auth.allow /..":       {"Samba or NFS"},
		"user.xlator.posix storage": {"translator"},
		"user.xlator.a.b c":         {"translator"},

		"storage.owner-gid 1000": {"storage.owner-gid 1000", "group id", "gidMin"},
		"owner-uid 0":            {"storage.owner-uid 0", "group id"},

		// Names that gluster would not complete, with the nearest ones.
		"eager-lock on":          {"eager-lock", "did you mean cluster.eager-lock or disperse.eager-lock?", "docs/parameters.md"},
		"shd-max-threads 2":      {"did you mean cluster.shd-max-threads?"},
		"NL-CACHE on":            {"NL-CACHE", "did you mean performance.nl-cache"},
		"performance.nlcache on": {"did you mean performance.nl-cache"},
		"cluster.nl-cache on":    {"did you mean performance.nl-cache"},
		"ssl on":                 {"did you mean client.ssl or server.ssl"},
		"features.utime on":      {"did you mean features.ctime"},
	}
	for raw, says := range tests {
		_, err := parseOptions(raw)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", raw, err)
			continue
		}
		for _, part := range append(says, "volumeoptions") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %q does not say %q", raw, err, part)
			}
		}
	}
}

// TestOptionValues tests the limits of each kind of value. test/integration tries those of each option with gluster.
func TestOptionValues(t *testing.T) {
	tests := []struct {
		key     string
		takes   string
		refuses string
	}{
		{"client.ssl", "on OFF Enable 0", "2 enabled -"},
		{"cluster.quorum-type", "none auto fixed", "Auto NONE"},
		{"cluster.data-self-heal", "open on", "ON auto"},
		{"cluster.lookup-unhashed", "auto on", "true AUTO"},
		{"client.event-threads", "1 32", "0 33 04 +4 4.0 0x4 -1 99999999999999999999"},
		{"network.ping-timeout", "0 42 1013 42s 5sec 16m 16min", "1014 17min 1h 5x s 010 5M 5mins"},
		{"network.frame-timeout", "24h 1d 1days 23hr", "2d 1w 1wk"},
		{"performance.nl-cache-timeout", "1w 52wk", "1y"},
		{"features.shard-block-size", "4MB 64mb 4TB 4194304 4194304B 1.5GB", "64 3.99MB 5TB 64M 64K 64MiB MB 8MKB 0x4000000 1.5 -4MB"},
		{"performance.write-behind-window-size", "512KB 1GB 524288 0.5MB", "511KB 1025MB 1M 1P"},
		{"performance.cache-size", "4MB 1PB 32mb", "3MB 0"},
		{"performance.rda-cache-limit", "0 10MB 1TB", "999999999999999PB 10M"},
		{"cluster.min-free-disk", "0% 100% 10GB 5", "101% -1% 10G 010%"},
		{"auth.allow", "10.0.0.1 10.0.0.0/8 fd00::1 node-1.example.org localhost", "10.0.0.0/33 fd00::/8 * 10.0.0.* a_b -a a- /sub(10.0.0.1) fe80::1%eth0 .a"},
		{"transport.address-family", "inet inet6", "inet4"},
	}
	for _, tt := range tests {
		kind, ok := glusterOptions()[tt.key]
		if !ok {
			t.Errorf("%s is not an option", tt.key)
			continue
		}
		for value := range strings.FieldsSeq(tt.takes) {
			if !kind.accepts(value) {
				t.Errorf("%s refuses %s: it must be %s", tt.key, value, kind.allowed)
			}
		}
		for value := range strings.FieldsSeq(tt.refuses) {
			if kind.accepts(value) {
				t.Errorf("%s takes %s: it must be %s", tt.key, value, kind.allowed)
			}
		}
	}
}

func TestOptionsForCopies(t *testing.T) {
	tests := []struct {
		volumetype, options string
		says                string // "": no error
	}{
		{"replicate:3", "cluster.self-heal-daemon off, cluster.quorum-count 3, group virt", ""},
		{"replicate:2", "cluster.quorum-count 2, group virt", ""},
		{"none", "cluster.quorum-count 1, group samba, cluster.heal-timeout 60", ""},
		{"replicate:2", "cluster.quorum-count 3", "at least 3 copies, not replicate:2"},
		{"none", "cluster.data-self-heal on", "at least 2 copies, not none"},
		{"disperse:4:2", "cluster.shd-max-threads 2", "at least 2 copies, not disperse:4:2"},
		{"disperse:4:2", "quorum-type auto, self-heal-daemon on", "cluster.self-heal-daemon on"},
		{"none", "group virt", "group virt"},
	}
	for _, tt := range tests {
		_, err := ParseParameters(map[string]string{"volumetype": tt.volumetype, "volumeoptions": tt.options})
		if tt.says == "" && err != nil {
			t.Errorf("%s of %s: %v", tt.options, tt.volumetype, err)
		}
		if tt.says != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s of %s: %v does not say %q", tt.options, tt.volumetype, err, tt.says)
		}
	}
}

// TestOptionsAreDocumented: docs/parameters.md lists the options and their values. test/integration reads the list there, and
// sets the options on a volume.
func TestOptionsAreDocumented(t *testing.T) {
	onOff, names := toggle().allowed, map[string][]string{} // by what is allowed
	options := glusterOptions()
	for _, name := range sortedKeys(options) {
		names[options[name].allowed] = append(names[options[name].allowed], "`"+name+"`")
	}
	var rows []string
	for allowed, same := range names {
		if allowed != onOff {
			rows = append(rows, fmt.Sprintf("| %s | %s |\n", strings.Join(same, ", "), allowed))
		}
	}
	slices.Sort(rows)
	words := strings.Split(strings.TrimPrefix(onOff, "one of "), ", ")
	want := "| option | value |\n|---|---|\n" + strings.Join(rows, "") +
		"\nThese are on or off (`" + strings.Join(words, "`, `") + "`):\n\n" + documents.Wrap(strings.Join(names[onOff], ", "))
	documents.Generated(t, "parameters.md", "volumeoptions", want, *update)
}

// TestParametersAreDocumented: docs/parameters.md lists the parameters of a class.
func TestParametersAreDocumented(t *testing.T) {
	_, section, _ := strings.Cut(document(t), "## StorageClass `parameters`\n")
	table, _, _ := strings.Cut(section, "\n`replicate` alone")
	var said []string
	for line := range strings.Lines(table) {
		if cell, _, _ := strings.Cut(line, " | "); strings.HasPrefix(cell, "| `") {
			said = append(said, quoted(strings.ToLower(cell))...)
		}
	}
	slices.Sort(said)
	if diff := cmp.Diff(sortedKeys((&parser{}).setters()), said); diff != "" {
		t.Errorf("parameters of the driver (-) and of docs/parameters.md (+):\n%s", diff)
	}
}

func document(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// quoted returns the words in backquotes.
func quoted(text string) []string {
	var found []string
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			found = append(found, part)
		}
	}
	return found
}
