package collect

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestExec(t *testing.T) {
	if out, err := (Exec{}).Run(t.Context(), "sh", "-c", "echo out; echo err >&2"); err != nil || string(out) != "out\n" {
		t.Errorf("%q, %v", out, err)
	}
	for script, says := range map[string]string{
		"echo half; echo no device >&2; exit 5": ": exit status 5: no device",
		"echo Connection failed; exit 1":        ": exit status 1: Connection failed",
	} {
		if out, err := (Exec{}).Run(t.Context(), "sh", "-c", script); err == nil || !strings.HasSuffix(err.Error(), says) || len(out) == 0 {
			t.Errorf("%q, %v", out, err)
		}
	}
	if _, err := (Exec{}).Run(t.Context(), "/missing"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errors.New("did not end within a moment"))
	defer cancel()
	if _, err := (Exec{}).Run(ctx, "sleep", "1000"); err == nil || err.Error() != "sleep 1000: did not end within a moment" {
		t.Error(err)
	}
}
