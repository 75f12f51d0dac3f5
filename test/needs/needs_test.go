package needs

import (
	"fmt"
	"os"
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
