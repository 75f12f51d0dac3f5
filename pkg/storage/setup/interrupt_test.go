package setup

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAskedToEnd: a pod that gets SIGTERM right after the volume was made, or before it has seen the volume's completion, saves
// the database, and another pod continues from there.
func TestAskedToEnd(t *testing.T) {
	for name, end := range map[string]func() bool{
		"SIGTERM":     func() bool { return true },
		"lost answer": func() bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.interrupt = func(kind string, answer *httptest.ResponseRecorder) bool {
				return strings.HasPrefix(kind, "GET /queue/") && strings.HasPrefix(answer.Header().Get("Location"), "/volumes/") && end()
			}
			if err := w.run(""); err == nil {
				t.Fatal("the run was not interrupted")
			}
			w.interrupt = nil
			w.newPod()
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			w.check(3, 3)
		})
	}
}
