package needs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
			missing(r, "needs x")
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
