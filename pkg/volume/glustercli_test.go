package volume

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// glusterCLI is the gluster command with which Heketi sets options, connected to a fake glusterd.
type glusterCLI struct {
	program string
	daemon  *fakeGlusterd
	dir     string // contains only the log
	calls   atomic.Int64
}

func newGlusterCLI(tb testing.TB) *glusterCLI {
	tb.Helper()
	program := needs.Program(tb, "gluster", "glusterfs-cli")
	return &glusterCLI{program: program, daemon: newFakeGlusterd(tb), dir: tb.TempDir()}
}

// set runs the words of an option like Heketi (heketi: executors/cmdexec/volume.go), and returns the request to glusterd and the
// command's output. There is no shell: package volume admits nothing that a shell would change.
func (c *glusterCLI) set(tb testing.TB, option string) (request map[string]string, output string) {
	tb.Helper()
	name := fmt.Sprintf("csi-%d", c.calls.Add(1))
	args := slices.Concat([]string{"--mode=script", "--timeout=600", "--glusterd-sock=" + c.daemon.socket, "--log-file=" + filepath.Join(c.dir, "log")},
		[]string{"volume", "set", name}, strings.Fields(option))
	cmd := exec.CommandContext(tb.Context(), c.program, args...)
	cmd.Dir = c.dir
	raw, _ := cmd.CombinedOutput() // a failure shows in the request
	request = maps.Clone(c.daemon.asked(name))
	maps.DeleteFunc(request, func(key, _ string) bool { return key == "volname" || key == "timeout" || key == "count" })
	if words, ok := strings.CutPrefix(request["cmd-str"], "volume set "+name+" "); ok {
		request["cmd-str"] = words
	}
	return request, string(raw)
}

// taken returns the request with which gluster sets an option as a name and a value, and nothing else.
func taken(o Option) map[string]string {
	request := map[string]string{"cmd-str": o.String()}
	pairs := []string{o.Key + "=" + o.Value}
	if o.Key == optionGroup {
		content, err := os.ReadFile(filepath.Join("/var/lib/glusterd/groups", o.Value))
		if err != nil {
			return nil // the command reads the file, and sends nothing without it
		}
		pairs = strings.Fields(string(content))
	}
	for i, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		request[fmt.Sprintf("key%d", i+1)], request[fmt.Sprintf("value%d", i+1)] = key, value
	}
	return request
}

func (c *glusterCLI) check(tb testing.TB, o Option) {
	tb.Helper()
	request, output := c.set(tb, o.String())
	if diff := cmp.Diff(taken(o), request); diff != "" {
		tb.Errorf("gluster takes %q otherwise than as a name and a value:\n%s\n%s", o, diff, output)
	}
	files, err := os.ReadDir(c.dir)
	if err != nil || len(files) > 1 {
		tb.Errorf("gluster leaves files at %q: %v, %v", o, files, err)
	}
}

// TestGlusterTakesOptions: an option that the parser accepts is a name and a value for the real command.
func TestGlusterTakesOptions(t *testing.T) {
	t.Parallel()
	cli := newGlusterCLI(t)
	for _, raw := range []string{
		"client.ssl on", "shard Enable", "group virt", "group nl-cache", "nfs.disable off", "auth.allow 10.0.0.0/8", "auth.reject fd00::1",
		"auth.ssl-allow a@b", "cluster.min-free-disk 10%", "features.shard-block-size 1.5GB", "network.ping-timeout 10min", "user.a =", "user.b %s",
		"user.c @/etc/passwd", "user.d help", "user.e a=--xml", "user.f all", "user.G x--y", "user.heketi.device-tag-match a!=b",
		"user.heketi.device-tag-match .=-", "user.h user.i",
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel() // the command sleeps most of the time
			options, err := parseOptions(raw)
			if err != nil {
				t.Fatal(err)
			}
			cli.check(t, options[0])
		})
	}
}

// TestGlusterTakesMoreThanOptions: an option that the parser refuses has another meaning for the command, and this test detects
// it.
func TestGlusterTakesMoreThanOptions(t *testing.T) {
	t.Parallel()
	cli := newGlusterCLI(t)
	victim := filepath.Join(t.TempDir(), "victim")
	for _, words := range []Option{
		{"user.a", "--log-file=" + victim}, {"auth.allow", "--xml"}, {"auth.ssl-allow", "--glusterd-sock=/nowhere"},
		{"cluster.min-free-disk", "--nolog"}, {"user.heketi.device-tag-match", "--log-level=TRACE"}, {"--log-file=" + victim, "x"},
		{"user.a", "--"}, {"user.a", "--print-logdir"},
	} {
		t.Run(words.String(), func(t *testing.T) {
			t.Parallel()
			if options, err := parseOptions(words.String()); err == nil {
				t.Errorf("%q is accepted", options)
			}
			if request, _ := cli.set(t, words.String()); cmp.Equal(taken(words), request) {
				t.Errorf("gluster takes %q as a name and a value, and there is no reason to refuse it", words)
			}
		})
	}
	t.Cleanup(func() {
		if _, err := os.Stat(victim); err != nil {
			t.Errorf("gluster no longer writes where --log-file says: %v", err)
		}
	})
}

// FuzzOptionsInGluster checks the property of TestGlusterTakesOptions for any content of a class.
func FuzzOptionsInGluster(f *testing.F) {
	cli := newGlusterCLI(f)
	f.Add("volumeoptions", "user.a --log-file=/etc/ld.so.preload, user.b -x")
	f.Add("volumeoptions", "auth.allow --xml")
	f.Add("volumeoptions", "cache-size 64MB, user.a =b")
	f.Add("devicetagmatch", "--log-file=/etc/ld.so.preload")
	f.Add("devicetagmatch", "disk!=-")
	f.Fuzz(func(t *testing.T, key, value string) {
		p, err := ParseParameters(map[string]string{key: value})
		if err != nil {
			return
		}
		for _, o := range p.Options[:min(len(p.Options), 3)] {
			if !safeOption(o) {
				t.Fatalf("%q=%q: option %q", key, value, o)
			}
			cli.check(t, o)
		}
	})
}
