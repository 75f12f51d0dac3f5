package fusequery

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestChangedSince(t *testing.T) {
	dir := t.TempDir()
	since := time.Now().Add(-time.Hour)
	for name, age := range map[string]time.Duration{
		"old": 2 * time.Hour, "b": 0, "a": time.Minute, "many/1": 0, "many/2": 0, "many/3": 0, "quiet/old": 2 * time.Hour,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600), os.Chtimes(path, time.Time{}, time.Now().Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	quiet := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.Chtimes(filepath.Join(dir, "quiet"), quiet, quiet), os.Symlink("old", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	a, root := newAsker(t), openRoot(t, dir)
	for _, c := range []struct {
		path string
		want []string
		err  error
	}{
		{".", []string{"a", "b", "link", "many"}, nil}, // the link itself is new; it is not followed
		{"many", []string{"1", "2", "3"}, nil},
		{"quiet", nil, nil},
		{"a", []string{"a"}, nil},
		{"quiet/old", nil, nil},
		{"link", nil, unix.ELOOP},
		{"missing", nil, unix.ENOENT},
		{"..", nil, unix.EXDEV},
	} {
		got, err := a.ChangedSince(t.Context(), long, root, c.path, since, 4)
		if !slices.Equal(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", c.path, got, err)
		}
	}
	if got, err := a.ChangedSince(t.Context(), long, root, ".", since, 2); err != nil || fmt.Sprint(got) != "[a b]" {
		t.Errorf("at most two: %q, %v", got, err)
	}
}
