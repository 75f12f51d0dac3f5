package mount

import (
	"slices"
	"strings"
	"testing"
)

func TestReadClientArgs(t *testing.T) {
	options, err := ParseOptions([]string{"ro,noatime,nodev,acl,lru-limit=7,direct-io-mode=enable,server-port=24017"})
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(
		[]string{"glusterfs", "-N", "--process-name", "fuse", "--log-file=/x", "--volfile-server=g1", "--volfile-server=fd00::1"},
		[]string{"--xlator-option=transport.address-family=inet6", "--volfile-id=/vol", "--subdir-mount=/a/b c"},
		options.ClientArgs(), []string{UnboundedCache, "--of-another-version=1", "/path"})
	got, ok := ReadClientArgs(args)
	if !ok || got.Volume != "vol" || got.Subdir != "a/b c" || !slices.Equal(got.Servers, []string{"g1", "fd00::1"}) {
		t.Errorf("%t, %+v", ok, got)
	}
	if again := got.Options.ClientArgs(); !slices.Equal(again, options.ClientArgs()) {
		t.Errorf("arguments %q, want %q", again, options.ClientArgs())
	}
	if want := "acl,direct-io-mode=on,lru-limit=7,noatime,of-another-version=1,ro,volfile-server-port=24017"; got.Options.String() != want || !got.Options.ReadOnly() {
		t.Errorf("options %s, want %s", got.Options, want)
	}
	for name, args := range map[string][]string{
		"nothing":          nil,
		"no server":        {"--volfile-id=/vol"},
		"no volume":        {"--volfile-server=g"},
		"a path out of it": {"--volfile-server=g", "--volfile-id=/vol", "--subdir-mount=/../x"},
		"not a volume":     {"--volfile-server=g", "--volfile-id=/a/b"},
	} {
		if got, ok := ReadClientArgs(args); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzReadClientArgs: the arguments may be those of any process on the node.
func FuzzReadClientArgs(f *testing.F) {
	f.Add("glusterfs\x00-N\x00--volfile-server=g\x00--volfile-id=/vol\x00--read-only\x00--fuse-mountopts=noatime\x00/x")
	f.Add("--=\x00--volfile-id\x00--fuse-mountopts=")
	f.Fuzz(func(t *testing.T, cmdline string) {
		s, ok := ReadClientArgs(strings.Split(cmdline, "\x00"))
		if !ok {
			return
		}
		if err := checkVolume(s.Volume, s.Subdir); err != nil {
			t.Error(err)
		}
		for _, arg := range s.Options.ClientArgs() {
			if !strings.HasPrefix(arg, "--") || refusal(strings.TrimPrefix(arg, "--")) != "" && !strings.HasPrefix(arg, "--fuse-mountopts=") {
				t.Errorf("the next client would get %q", arg)
			}
		}
	})
}
