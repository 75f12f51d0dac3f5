package database

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestDamagedCopyIsNotSaved: a copy that Heketi could not read does not replace the last backup, and leaves no file behind.
func TestDamagedCopyIsNotSaved(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	all := newSecrets(SecretName)
	good := take(t, "records", time.Now())
	if err := all.store(SecretName).Save(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	from := &source{}
	from.set("records, and "+stale, nil)
	for name, tt := range map[string]struct{ program, want string }{
		"damaged":    {fakeHeketi(t), "heketi db export: exit status 2: panic: invalid page type: 7: 10; the last backup stays, and the next attempt takes another copy"},
		"no program": {"/nowhere/heketi", "check the new copy of Heketi's database: fork/exec /nowhere/heketi: no such file or directory"},
	} {
		saver := Saver{From: from, To: all.store(SecretName), Program: tt.program}
		err := saver.Save(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "goroutine") || errors.Is(err, ErrUnreadable) != (name == "damaged") {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if now, err := all.store(SecretName).Load(t.Context()); err != nil || now.SHA256 != good.SHA256 {
			t.Errorf("%s: the backup has changed: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(temporary, "heketi-db-copy-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestDamagedCopyIsTakenAgain: Watch takes copies until one is good.
func TestDamagedCopyIsTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newSecrets(SecretName)
		from := &source{stale: 3}
		from.set("records", nil)
		saver := Saver{From: from, To: all.store(SecretName), Program: fakeHeketi(t)}
		began := time.Now()
		if !saveUntilDone(t.Context(), DefaultTiming(), saver.Save) || from.copies != 4 || time.Since(began) != 7*time.Second {
			t.Errorf("%d copies in %v", from.copies, time.Since(began))
		}
		c, err := all.store(SecretName).Load(t.Context())
		if err != nil || c.SHA256 != take(t, "records", began).SHA256 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestExport(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"warnings":      {"echo '[heketi] WARNING x'; echo '{}'", ""},
		"no JSON":       {"echo '{'", "export printed 2 bytes that are not JSON"},
		"nothing":       {"true", "export printed 0 bytes that are not JSON"},
		"an error":      {"echo Unable to open database >&2; exit 1", "db export: exit status 1: Unable to open database"},
		"a killed one":  {"kill -9 $$", "db export: signal: killed"},
		"no end":        {"sleep 60", "export did not end within 200ms"},
		"a long reason": {"head -c 5000 /dev/zero | tr '\\0' x >&2; exit 1", "xxx..."},
	} {
		path := filepath.Join(t.TempDir(), "heketi")
		writeFile(t, path, "#!/bin/sh\n"+tt.script+"\n")
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
		limit := exportLimit
		if name == "no end" {
			limit = 200 * time.Millisecond
		}
		content, err := export(t.Context(), path, "/heketi.db", limit)
		if tt.want == "" {
			if err != nil || strings.TrimSpace(string(content)) != "{}" {
				t.Errorf("%s: %q, %v", name, content, err)
			}
			continue
		}
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 450 {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Export(ended, "/bin/true", "/heketi.db"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreadable) {
		t.Errorf("a process that is asked to end: %v", err)
	}
}
