package commandline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// execute runs a program with a command that fails.
func execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	root := NewRoot("program", "A program", "a command is missing", "v1.2.3")
	root.AddCommand(&cobra.Command{Use: "fail", Args: NoArguments, RunE: func(*cobra.Command, []string) error { return errors.New("first\nsecond\x1b[2J") }})
	var out, errs bytes.Buffer
	command, err := Execute(t.Context(), root, args, &out, &errs)
	if err != nil {
		code = Report(&errs, command, err)
	}
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		code   int
		stdout string // regular expressions for the whole output
		stderr string
	}{
		{[]string{"version"}, 0, `program v1\.2\.3 \(go1\.\S+, \w+/\w+\)\n`, ""},
		{[]string{"fail"}, 1, "", "program fail: first; second.*\n"},
		{nil, 2, "", `program: a command is missing \(program --help lists the commands\)\n`},
		{[]string{"fail", "x"}, 2, "", `program fail: unexpected argument "x" \(program fail --help lists the arguments\)\n`},
		{[]string{"x"}, 2, "", `program: unexpected argument "x" .*\n`},
		{[]string{"fail", "--x"}, 2, "", `program fail: unknown flag: --x \(program fail --help lists the flags\)\n`},
		{[]string{"completion"}, 2, "", `program: unexpected argument "completion" .*\n`},
	} {
		code, stdout, stderr := execute(t, tt.args...)
		if code != tt.code || !regexp.MustCompile("^"+tt.stdout+"$").MatchString(stdout) || !regexp.MustCompile("^"+tt.stderr+"$").MatchString(stderr) {
			t.Errorf("%q: code %d, %q, %q", tt.args, code, stdout, stderr)
		}
	}
}

func TestUsageErrorIsTheMistake(t *testing.T) {
	mistake := errors.New("a mistake")
	if err := fmt.Errorf("more: %w", Usage(mistake)); !errors.Is(err, mistake) || err.Error() != "more: a mistake" {
		t.Error(err)
	}
}

func TestVersion(t *testing.T) {
	if got := Version("v1.2.3"); got != "v1.2.3" {
		t.Error(got)
	}
	if got := Version(""); got == "" {
		t.Error("no version")
	}
}

// TestMainEndsWithASignal: the signals that Kubernetes and a terminal send end the program.
func TestMainEndsWithASignal(t *testing.T) {
	for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		code := Main(func(ctx context.Context, _ []string, stdout, stderr io.Writer) int {
			if stdout != os.Stdout || stderr != os.Stderr || ctx.Err() != nil {
				t.Errorf("%v, %v, %v", stdout, stderr, ctx.Err())
			}
			if err := syscall.Kill(os.Getpid(), sent); err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			return 7
		})
		if code != 7 {
			t.Errorf("code %d", code)
		}
	}
}
