package volume

import (
	"errors"
	"strings"
	"testing"
)

// TestTypesOfOptions tests the types of options at their limits, as gluster reads them.
func TestTypesOfOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		of   optionType
		good string
		bad  string
	}{
		{"number", number(5, 64), "5 64 10", "4 65 05 x -5 +5 5.0 0x6 1e1 18446744073709551616 9999999999999999999"},
		{"number from 0", number(0, 5), "0 5", "6 00 -0 -1"},
		{"seconds", seconds(5, 600), "5 600 5s 600s 5sec 1m 10m 10min 1min", "4 601 4s 601s 0m 11m 1h 1hr 0h 1d 1w m 5x s 5ss 5mm"},
		{"hours", seconds(0, 86400), "0 0s 0m 0h 24h 24hr 1d 1days 0w 0wk 1440m", "25h 2d 1w 1wk 1441m 86401"},
		{"weeks", seconds(604800, 1209600), "1w 2wk 7d 14days 168h 336hr", "3w 6d 15d 167h 337h 604799 1209601"},
		{"part of an hour", seconds(3601, 7200), "2h 61m 120m 3601", "1h 60m 3600 121m"},
		{"size", size("4KB", "1GB"), "4096 4096B 4KB 4kb 4Kb 1GB 1024MB 0.5GB 1.5MB 1073741824", "4095 1025MB 2GB 4K 64M 1.5 1.5B x KB -4KB 1TB 4 KB"},
		{"size from", size("128KB"), "128KB 1PB 1TB 131072 0.5GB", "131071 127KB 2000PB 1EB"},
		{"any size", size(), "0 1 65536 128KB 64MB 1GB 1PB", "-1 x 1G 1.5"},
		{"share", percentOrSize(), "0% 100% 50% 1GB 0", "101% -1% % 5.5% 05% 1G"},
		{"switch", toggle(), "on off enable disable yes no true false 1 0 ON Off", "2 o enabled onn"},
		{"word", oneOf("a", "b"), "a b", "A c ab"},
		{"client", optionType{accepts: isClient}, "10.0.0.1 10.0.0.0/16 fd00::1 host host.example.org H-1", "fd00::/8 *.example.org a_b fe80::1%eth0 -a a- a..b 10.0.0.0/33"},
	} {
		for value := range strings.FieldsSeq(tt.good) {
			if !tt.of.accepts(value) {
				t.Errorf("%s: %s is refused", tt.name, value)
			}
		}
		for value := range strings.FieldsSeq(tt.bad) {
			if tt.of.accepts(value) {
				t.Errorf("%s: %s is accepted", tt.name, value)
			}
		}
		if tt.of.accepts("") {
			t.Errorf("%s: nothing is accepted", tt.name)
		}
	}
	label := strings.Repeat("a", 63)
	longest := label + "." + label + "." + label + "." + strings.Repeat("b", 61) // 253 letters
	if !isClient(longest) || isClient(longest+"b") || isClient(label+"a") {
		t.Error("the longest name of a host has 253 letters, and 63 between dots")
	}
}

// TestNumericLimitsOfOptions: the limits of gluster 10 and of Heketi are accepted, and values beyond them are not.
func TestNumericLimitsOfOptions(t *testing.T) {
	for parameter, limits := range map[string][2]string{
		"averageFileSize": {"1 1099511627776", "0 1099511627777"}, "snapfactor": {"1 100 1.5", "0 0.99 100.1 NaN Inf x"},
	} {
		for i, good := range []bool{true, false} {
			for value := range strings.FieldsSeq(limits[i]) {
				class := map[string]string{parameter: value}
				if parameter == "averageFileSize" {
					class["arbiter"] = "true"
				}
				if _, err := ParseParameters(class); (err == nil) != good {
					t.Errorf("%s %s: %v", parameter, value, err)
				}
			}
		}
	}
}

func TestArbiterIsHeketis(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "1": true, "T": true, "false": false, "0": false, "maybe": false, "": false} {
		if got := HasArbiter([]Option{{"user.x", "true"}, {optionArbiter, "true"}, {optionArbiter, value}}); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
	if HasArbiter([]Option{{"user.x", "true"}}) {
		t.Error("another option makes an arbiter")
	}
}

// TestCopiesOfQuorum: a quorum larger than the number of copies could never be reached.
func TestCopiesOfQuorum(t *testing.T) {
	three, none := DefaultDurability(), Durability{Type: None}
	for _, tt := range []struct {
		value      string
		durability Durability
		want       bool
	}{{"1", none, true}, {"2", none, false}, {"3", three, true}, {"4", three, false}, {"x", none, true}} {
		if err := checkCopies([]Option{{"cluster.quorum-count", tt.value}}, tt.durability); (err == nil) != tt.want {
			t.Errorf("%s of %s: %v", tt.value, tt.durability, err)
		}
	}
}

// TestLongValuesAreCut: errors truncate values to a hundred printed letters.
func TestLongValuesAreCut(t *testing.T) {
	for value, want := range map[string]string{
		strings.Repeat("x", 100):   strings.Repeat("x", 100),
		strings.Repeat("x", 101):   strings.Repeat("x", 100) + "...",
		strings.Repeat("\x00", 25): strings.Repeat("\x00", 25), // each is printed as four letters
		strings.Repeat("\x00", 26): strings.Repeat("\x00", 13) + "...",
		"":                         "",
	} {
		var field *FieldError
		if err := Invalid("f", value, "a"); !errors.As(err, &field) || field.Value != want {
			t.Errorf("%d bytes become %q", len(value), field.Value)
		}
	}
}

func TestGIDLimits(t *testing.T) {
	all := GIDRange{Min: lowestGID, Max: highestGID}
	for gid, want := range map[int64]bool{1999: false, 2000: true, 1<<31 - 2: true, 1<<31 - 1: false} {
		if got := all.Contains(gid); got != want {
			t.Errorf("%d: %t", gid, got)
		}
	}
	for value, want := range map[string]bool{"1999": false, "2000": true, "2147483647": true, "2147483648": false, "x": false, "": false, "9999999999999999999999": false} {
		if _, err := parseGID("gidMin", value); (err == nil) != want {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestCounts(t *testing.T) {
	for text, want := range map[string]int{"1": 1, "3": 3, "255": 255, "0": 0, "256": 0, "-1": 0, "x": 0, "": 0} {
		if n := parseCount(text); n != want {
			t.Errorf("%q: %d, want %d", text, n, want)
		}
	}
	for _, bad := range []string{"replicate:1", "replicate:4", "replicate:0", "replicate:x", "disperse", "disperse:x:1", "disperse:2:x", "disperse:2", "disperse:3:1", "none:1", ""} {
		if d, err := ParseDurability(bad); err == nil {
			t.Errorf("%s: %+v", bad, d)
		}
	}
}

// TestNamesNeedBothOfAClaim: a name contains namespace and claim only if both are known.
func TestNamesNeedBothOfAClaim(t *testing.T) {
	plain := GlusterName("pvc-1", Naming{})
	for _, naming := range []Naming{{PVCNamespace: "default"}, {PVCName: "web"}} {
		if got := GlusterName("pvc-1", naming); got != plain {
			t.Errorf("%+v: %s, want %s", naming, got, plain)
		}
	}
	if got := GlusterName("pvc-1", Naming{PVCNamespace: "default", PVCName: "web"}); !strings.HasPrefix(got, "csi-default_web-") {
		t.Error(got)
	}
}

// TestURLsInErrors: errors show URLs as they were written, but without passwords.
func TestURLsInErrors(t *testing.T) {
	for raw, shows := range map[string]string{
		"http://admin:hunter2@h:8080": "admin:xxxxx@h",
		"http://admin:hunter2 @h":     "not shown",
		"http://h:8080/path":          "http://h:8080/path",
		"ftp://h":                     "ftp://h",
		"http://%zz":                  "http://%zz",
	} {
		_, err := NormalizeURL("url", raw)
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), shows) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
