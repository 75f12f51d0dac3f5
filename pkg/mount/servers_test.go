package mount

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseServers(t *testing.T) {
	for list, want := range map[string][]string{
		"gluster1":                       {"gluster1"},
		"Gluster1.Example.ORG, 10.0.0.1": {"gluster1.example.org", "10.0.0.1"},
		"a,b,a":                          {"a", "b"},
		"[FD00::1],fd00::2,fd00:0::1":    {"fd00::1", "fd00::2"},
		"::ffff:10.0.0.1":                {"10.0.0.1"},
		"a_b.c-d,1a":                     {"a_b.c-d", "1a"},
		strings.Repeat("a", 63) + ".b":   {strings.Repeat("a", 63) + ".b"},
		"10.0.0.1,storage-0.heketi.svc":  {"10.0.0.1", "storage-0.heketi.svc"},
	} {
		got, err := ParseServers(list)
		if err != nil {
			t.Errorf("%q: %v", list, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", list, diff)
		}
	}
	for _, list := range []string{
		"", " ", "a,", ",a", "a,,b", "a:b", "a:24007", "10.0.0.1:24007", "[10.0.0.1]", "[fd00::1]:24007", "[a]", "[fd00::1", "fd00::1]",
		"-a", "--log-file=x", "a-", "a.-b", "a..b", ".a", "a.", "a b", "a;b", "a/b", "a$b", "a\nb", "ä", "300.1.1.1", "10.0.0", "1", "0x7f000001", "0x7f.1", "127.0x1", "0X7F.0.0.0x1",
		"0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1%eth0", strings.Repeat("a", 64), strings.Repeat("a.", 130) + "b",
	} {
		if got, err := ParseServers(list); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %q, %v", list, got, err)
		}
	}
}

func FuzzParseServers(f *testing.F) {
	for _, seed := range []string{"a,b", "[fd00::1], 10.0.0.1", "a:b", "-a", "::ffff:1.2.3.4", "fe80::1%x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		servers, err := ParseServers(list)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%q: %v", list, err)
			}
			return
		}
		for _, server := range servers {
			if strings.Trim(server, "abcdefghijklmnopqrstuvwxyz0123456789_-.:") != "" || strings.HasPrefix(server, "-") || server == "" {
				t.Errorf("%q gives server %q", list, server)
			}
		}
		again, err := ParseServers(strings.Join(servers, ","))
		if diff := cmp.Diff(servers, again); err != nil || diff != "" {
			t.Errorf("%q is not canonical: %v %s", servers, err, diff)
		}
		if back, err := backupServers(bracketAll(servers), true); err != nil || back != bracketAll(servers) {
			t.Errorf("%q as backup servers: %q, %v", servers, back, err)
		}
	})
}

func bracketAll(servers []string) string {
	out := make([]string, len(servers))
	for i, server := range servers {
		out[i] = bracket(server)
	}
	return strings.Join(out, ":")
}

func manyServers(n int, separator string) string {
	servers := make([]string, n)
	for i := range servers {
		servers[i] = fmt.Sprintf("s%d", i)
	}
	return strings.Join(servers, separator)
}

// TestMostServers: a volume cannot make a node connect to an unlimited number of servers, by any of the ways to name them.
func TestMostServers(t *testing.T) {
	for n, want := range map[int]bool{MostServers: true, MostServers + 1: false, 100_000: false} {
		servers, err := ParseServers(manyServers(n, ","))
		if (err == nil) != want || want && len(servers) != n {
			t.Errorf("%d servers: %d, %v", n, len(servers), err)
		}
		if err != nil && (!errors.Is(err, ErrInvalid) || len(err.Error()) > 300) {
			t.Errorf("%d servers: %v", n, err)
		}
		for _, flags := range [][]string{
			{"backup-volfile-servers=" + manyServers(n, ":")},
			{"backup-volfile-servers=" + manyServers(n, ",")},
			{"backup-volfile-servers=" + manyServers(n-1, ":"), "backupvolfile-server=other"},
		} {
			options, err := ParseOptions(flags)
			if (err == nil) != want || want && len(options.BackupServers()) != n {
				t.Errorf("%d servers in %d options: %d, %v", n, len(flags), len(options.BackupServers()), err)
			}
		}
	}
	if _, err := ParseServers(strings.Repeat("a,", 10*MostServers) + "a"); err != nil {
		t.Errorf("one server many times: %v", err)
	}
	half, err := ParseOptions([]string{"backup-volfile-servers=" + manyServers(MostServers/2, ":")})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]bool{MostServers / 2: true, MostServers/2 + 1: false} {
		servers, err := ParseServers(manyServers(n, ","))
		if err != nil {
			t.Fatal(err)
		}
		source := Source{VolumeID: "id", Volume: "v", Servers: servers, Options: half}
		if err := source.Validate(); (err == nil) != want || !want && !errors.Is(err, ErrInvalid) {
			t.Errorf("%d servers and %d in the options: %v", n, MostServers/2, err)
		}
	}
}
