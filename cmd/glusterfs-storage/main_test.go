package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// command runs the program in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := command(t, "version")
	if code != 0 || stderr != "" || !regexp.MustCompile(`^glusterfs-storage \S.* \(go1\.\S+, \w+/\w+\)\n$`).MatchString(stdout) {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

func TestWrongCommandLine(t *testing.T) {
	if os.Getpid() == 1 {
		needs.Missing(t, "needs to be another process than the first of a container")
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nothing", nil, 2, "a command is missing (glusterfs-storage --help lists the commands)"},
		{"unknown command", []string{"gluter"}, 2, "gluter"},
		{"argument", []string{"version", "x"}, 2, `unexpected argument "x"`},
		{"unknown flag", []string{"gluster", "--port=1"}, 2, "unknown flag: --port (glusterfs-storage gluster --help lists the flags)"},
		{"no port", []string{"gluster", "--health-port=0"}, 2, "--health-port=0: write a port from 1 to 65535"},
		{"port too high", []string{"gluster", "--health-port=65536"}, 2, "--health-port=65536"},
		{"negative time", []string{"gluster", "--heal-timeout=-1s"}, 2, "--heal-timeout=-1s: write a time such as 1h"},
		{"time without unit", []string{"gluster", "--heal-timeout=5"}, 2, "--heal-timeout"},
		{"no room for logs", []string{"gluster", "--log-size=0"}, 2, "--log-size=0: write a number of MiB from 1"},
		{"minus one copy", []string{"gluster", "--log-copies=-1"}, 2, "--log-copies=-1: write a number from 0 to 1000"},
		{"no days", []string{"gluster", "--log-days=0"}, 2, "--log-days=0: write a number of days from 1 to 36500"},
		{"logging format", []string{"gluster", "--logging-format=xml"}, 2, "--logging-format=xml: write text or json"},
		{"no configuration", []string{"teardown", "--heketi-url=http://heketi:8080"}, 2, "--config is missing: write --config=FILE"},
		{"no Heketi", []string{"teardown", "--config=/heketi.json"}, 2, "--heketi-url is missing"},
		{"no directory", []string{"teardown", "--config=/heketi.json", "--heketi-url=http://heketi:8080", "--directory=x"}, 2, "--directory=x: write an absolute path"},
		{"no claim", []string{"teardown", "--config=/heketi.json", "--heketi-url=http://heketi:8080", "--claim="}, 2, "need a name"},
		{"not in a container", []string{"gluster"}, 1, "this is not the first process of a container"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := command(t, tt.args...)
			if code != tt.code || stdout != "" {
				t.Errorf("code %d, want %d; output %q", code, tt.code, stdout)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "glusterfs-storage") || !strings.Contains(stderr, tt.says) {
				t.Errorf("%q does not say %q in one line", stderr, tt.says)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	code, stdout, _ := command(t, "gluster", "--help")
	for _, flag := range []string{"--health-port int", "(default 29690)", "--heal-timeout duration", "--log-size int", "(default 16)", "--log-copies int", "(default 4)", "--log-days int", "(default 30)", "--logging-format string", "-v, --v int"} {
		if code != 0 || !strings.Contains(stdout, flag) {
			t.Errorf("code %d, no %s in %s", code, flag, stdout)
		}
	}
}
