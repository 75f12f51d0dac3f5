package integration

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestVolumeOptions sets each option of docs/parameters.md on a volume with three copies. Gluster must accept the lowest and the
// highest value, or each word, and must refuse the values that the driver refuses. As with Heketi, the volume is not started.
func TestVolumeOptions(t *testing.T) {
	r := newRig(t)
	r.emptyVolume("options")
	options := documentedOptions(t)
	set := func(pairs ...string) { r.gluster(1, append([]string{"volume", "set", "options"}, pairs...)...) }

	var on, off, values []string
	for i, key := range slices.Sorted(maps.Keys(options)) {
		o := options[key]
		for _, value := range slices.Concat(o.takes, o.refuses) {
			if taken := slices.Contains(o.takes, value); taken != accepted(key, value) {
				r.Errorf("%s %s: the driver accepts it: %t, want %t", key, value, !taken, taken)
			}
		}
		switch {
		case key == "group" || key == "performance.read-after-open" || key == "server.root-squash":
			// A group must be set alone. The other two options exclude each other.
			for _, value := range o.takes {
				set(key, value)
			}
			r.gluster(1, "volume", "reset", "options")
		case o.toggle: // two options with each word, so that each word is used
			on, off = append(on, key, o.takes[2*i%10]), append(off, key, o.takes[2*i%10+1])
		default:
			for _, value := range o.takes {
				values = append(values, key, value)
			}
		}
	}
	set(on...) // gluster checks the values of a translator only if it is switched on
	set(values...)
	for _, key := range slices.Sorted(maps.Keys(options)) {
		for _, value := range options[key].refuses {
			if options[key].toggle {
				continue // they are all alike, and some accept any word
			}
			if out, err := r.glusterSet("options", key, value); err == nil && !takenByGluster(key) {
				r.Errorf("gluster takes %s %s, which the driver refuses: %s", key, value, out)
			}
		}
	}
	set(off...)
}

// TestShortOptionNames: the driver completes the same names as gluster, to the same options.
func TestShortOptionNames(t *testing.T) {
	r := newRig(t)
	r.emptyVolume("shortnames")
	var pairs []string
	want := map[string]string{}
	options := documentedOptions(t)
	for _, key := range slices.Sorted(maps.Keys(options)) {
		_, short, dotted := strings.Cut(key, ".")
		if !dotted || strings.HasPrefix(key, "user.") {
			continue
		}
		value := options[key].takes[len(options[key].takes)-1]
		p, err := volume.ParseParameters(map[string]string{"volumeoptions": short + " " + value})
		if err == nil {
			pairs = append(pairs, short, value)
			want[p.Options[0].Key] = value
		} else if out, err := r.glusterSet("shortnames", short, value); err == nil {
			r.Errorf("gluster completes %s, and the driver does not: %s", short, out)
		}
	}
	r.gluster(1, append([]string{"volume", "set", "shortnames"}, pairs...)...)
	seen := map[string]string{}
	for line := range strings.Lines(r.gluster(1, "volume", "info", "shortnames")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && want[key] != "" {
			seen[key] = value
		}
	}
	if len(want) < 70 || !maps.Equal(want, seen) {
		r.Errorf("the driver completes to %d options, %v; gluster has set %v", len(want), want, seen)
	}
}

// option has values that gluster must accept, and values that it must refuse.
type option struct {
	takes, refuses []string
	toggle         bool // takes holds words for on and off, alternately
}

// documentedOptions reads the options from the list in docs/parameters.md. The driver's unit tests check that this list agrees
// with the driver.
func documentedOptions(t *testing.T) map[string]option {
	t.Helper()
	page, err := os.ReadFile("../../docs/parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "### Options of the volume\n")
	section, _, _ = strings.Cut(section, "\n### ")
	rows, switches, _ := strings.Cut(section, "These are on or off (")
	words, names, _ := strings.Cut(switches, "):")
	names, _, _ = strings.Cut(names, "<!-- end of ")
	options := map[string]option{}
	for line := range strings.Lines(rows) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `") && len(cells) == 2 {
			for _, key := range fields(cells[0]) {
				options[key] = valuesOf(t, strings.TrimSuffix(cells[1], " |\n"))
			}
		}
	}
	for _, key := range fields(names) {
		options[key] = option{takes: fields(words), refuses: []string{"perhaps"}, toggle: true}
	}
	if len(options) < 90 {
		t.Fatalf("docs/parameters.md has %d options", len(options))
	}
	return options
}

// fields returns the words between commas, without backquotes and a table's bars.
func fields(text string) []string {
	var found []string
	for item := range strings.SplitSeq(text, ",") {
		found = append(found, strings.Trim(item, "|` \n"))
	}
	return found
}

func valuesOf(t *testing.T, text string) option {
	t.Helper()
	var low, high int64
	var smallest, largest string
	if words, ok := strings.CutPrefix(text, "one of "); ok {
		return option{takes: fields(words), refuses: []string{"perhaps"}}
	}
	if _, err := fmt.Sscanf(text, "a number from %d to %d", &low, &high); err == nil {
		return option{takes: []string{decimal(low), decimal(high)}, refuses: beyond(low, high)}
	}
	if _, err := fmt.Sscanf(text, "a number of seconds from %d to %d", &low, &high); err == nil {
		units := []string{"1s", "1sec", "2m", "2min"}
		if high >= 86400 {
			units = append(units, "1h", "24hr", "1d", "1days")
		}
		return option{takes: append([]string{decimal(low), decimal(high)}, units...), refuses: append(beyond(low, high), "1y", "1minute")}
	}
	if _, err := fmt.Sscanf(text, "a size from %s to %s", &smallest, &largest); err == nil {
		low, high = bytesOf(t, smallest), bytesOf(t, largest)
		return option{
			takes:   []string{smallest, largest, decimal(low), fmt.Sprintf("%dB", high), strings.ToLower(largest)},
			refuses: append(beyond(low, high), strings.TrimSuffix(largest, "B")),
		}
	}
	if _, err := fmt.Sscanf(text, "a size of at least %s", &smallest); err == nil {
		low = bytesOf(t, smallest)
		return option{takes: []string{smallest, decimal(low), "1.5GB", "1PB"}, refuses: []string{decimal(low - 1), "64M"}}
	}
	special := map[string]option{
		"a size such as 65536, 128KB, 64MB or 1GB": {takes: []string{"1GB", "64MB", "128KB", "65536"}, refuses: []string{"64M"}},
		"one address, host name or IPv4 network such as 10.0.0.0/16; several cannot be given here": {
			takes:   []string{"10.0.0.1", "10.0.0.0/16", "fd00::1", "node-1.example.org", "localhost"},
			refuses: []string{"10.0.0.0/33", "fd00::/8", "a_b", "-a"},
		},
		"the common name of a certificate":                    {takes: []string{"node@example.org"}},
		"a percentage from 0% to 100%, or a size such as 1GB": {takes: []string{"0%", "100%", "10GB", "5"}, refuses: []string{"101%", "1G"}},
		"key=value or key!=value":                             {takes: []string{"disk=ssd", "disk!=slow"}},
	}
	found, ok := special[text]
	if !ok {
		t.Fatalf("no values are known for %q", text)
	}
	return found
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// beyond returns the numbers just outside the range. Negative numbers are left out, because gluster's command takes a dash for an
// option.
func beyond(low, high int64) []string {
	var numbers []string
	if low > 0 {
		numbers = append(numbers, decimal(low-1))
	}
	return append(numbers, decimal(high+1))
}

func bytesOf(t *testing.T, size string) int64 {
	t.Helper()
	shift := 10 * (1 + strings.Index("KMGT", size[len(size)-2:len(size)-1]))
	n, err := strconv.ParseInt(size[:len(size)-2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << shift
}

// takenByGluster reports whether gluster checks an option less strictly than the driver: it sets no upper limit, accepts any
// word, or leaves the option to Heketi.
func takenByGluster(key string) bool {
	return strings.HasPrefix(key, "user.heketi.") || slices.Contains([]string{
		"cluster.background-self-heal-count", "features.cache-invalidation-timeout", "performance.nl-cache-timeout",
		"storage.health-check-interval", "transport.address-family",
		// Gluster checks these only sometimes: their limits are in a library that glusterd may not have loaded.
		"server.keepalive-count", "server.keepalive-interval", "server.keepalive-time",
	}, key)
}

func accepted(key, value string) bool {
	parameters := map[string]string{"volumeoptions": key + " " + value}
	if key == "user.heketi.average-file-size" {
		parameters["arbiter"] = "true" // the option needs it
	}
	_, err := volume.ParseParameters(parameters)
	return err == nil
}

// emptyVolume makes a gluster volume with three copies that is not started. It is deleted at the end of the test.
func (r *rig) emptyVolume(name string) {
	r.Helper()
	args := []string{"volume", "create", name, "replica", "3"}
	for i := 1; i <= 3; i++ {
		path := "/var/lib/heketi/" + name
		args = append(args, r.lab.Storage(i).IP+":"+path)
		r.Cleanup(func() {
			if _, err := r.command(r.lab.Storage(i), "rm", "-r", path); err != nil {
				r.Error(err)
			}
		})
	}
	r.gluster(1, append(args, "force")...)
	r.Cleanup(func() { r.gluster(1, "volume", "delete", name) })
}

// glusterSet sets an option of a volume as Heketi does.
func (r *rig) glusterSet(name, key, value string) (string, error) {
	return r.command(r.lab.Storage(1), "gluster", "--mode=script", "volume", "set", name, key, value)
}
