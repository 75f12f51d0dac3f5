package needs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	for name, c := range map[string]struct{ required, want string }{
		"by itself":    {"", "skip: needs x"},
		"by make test": {"1", "fatal: needs x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(Variable, c.required)
			r := &recorder{TB: t}
			Missing(r, "needs x")
			if r.said != c.want {
				t.Errorf("%q, want %q", r.said, c.want)
			}
		})
	}
}

func TestProgram(t *testing.T) {
	t.Setenv(Variable, "1")
	if path := Program(t, "sh", "dash"); path == "" {
		t.Error("sh has no path")
	}
	r := &recorder{TB: t}
	Program(r, "no-such-program", "no-such-package")
	if want := `fatal: needs no-such-program (Debian: no-such-package): exec: "no-such-program": executable file not found in $PATH`; r.said != want {
		t.Errorf("%q, want %q", r.said, want)
	}
}

func TestBuilt(t *testing.T) {
	t.Setenv(Variable, "1")
	dir := t.TempDir()
	path := filepath.Join(dir, "build", "bin", "tool")
	r := &recorder{TB: t}
	Built(r, dir, "tool", "tools")
	if want := "fatal: needs tool, which make tools builds: stat " + path + ": no such file or directory"; r.said != want {
		t.Errorf("%q, want %q", r.said, want)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := Built(t, dir, "tool", "tools"); got != path {
		t.Errorf("%q, want %q", got, path)
	}
}

func TestRoot(t *testing.T) {
	t.Setenv(Variable, "1")
	r := &recorder{TB: t}
	Root(r, "it mounts")
	if without := os.Geteuid() != 0; without != (r.said != "") {
		t.Errorf("without root: %t, and it said %q", without, r.said)
	}
}

// recorder records how a test is ended.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper()           {}
func (r *recorder) Fatal(said ...any) { r.said += "fatal: " + fmt.Sprint(said...) }
func (r *recorder) Skip(said ...any)  { r.said += "skip: " + fmt.Sprint(said...) }

// TestOnlyThisPackageSkips: tests of cmd/ and pkg/ do not skip by themselves, so that make test counts each test that was not run.
func TestOnlyThisPackageSkips(t *testing.T) {
	exceptions := map[string]string{
		"pkg/fuseclient/oomscore_test.go": "the machines of continuous integration need not have CAP_SYS_RESOURCE",
		"pkg/placement/unified_test.go":   "no command gives a machine's container the first cgroup namespace",
		"pkg/placement/files_test.go":     "a distribution need not have /etc/host.conf",
	}
	skip := regexp.MustCompile(`\.Skip(f|Now)?\(`)
	files := 0
	for _, dir := range []string{"cmd", "pkg"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			source, err := os.ReadFile(path)
			name := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
			_, excepted := exceptions[name]
			if skips := skip.Match(source); skips && !excepted {
				t.Errorf("%s skips a test: call a function of test/needs instead", name)
			} else if excepted && !skips {
				t.Errorf("%s skips no test: delete the exception", name)
			}
			files++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 500 {
		t.Errorf("only %d files were read", files)
	}
}
