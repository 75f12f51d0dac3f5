package provisioner

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestSettled: a create that may be late is over when its volume is found, if it was the only one.
func TestSettled(t *testing.T) {
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for name, tt := range map[string]struct {
		before  func(x *index)
		cluster string
		want    bool
	}{
		"one":                   {func(x *index) { x.unanswered(nameA, "c", in(time.Hour)) }, "c", true},
		"in another cluster":    {func(x *index) { x.unanswered(nameA, "c", in(time.Hour)) }, "d", false},
		"none":                  {func(*index) {}, "c", false},
		"no reservation":        {func(x *index) { delete(x.held, csiKey(nameA)) }, "c", false},
		"two":                   {func(x *index) { x.unanswered(nameA, "c", in(time.Hour)); x.unanswered(nameA, "c", in(time.Hour)) }, "c", false},
		"the first is over":     {func(x *index) { x.unanswered(nameA, "c", in(-time.Hour)); x.unanswered(nameA, "c", in(time.Hour)) }, "c", true},
		"another has made it":   {func(x *index) { x.unanswered(nameA, "c", in(time.Hour)); x.answered(nameA) }, "c", false},
		"over, another made it": {func(x *index) { x.unanswered(nameA, "c", in(-time.Hour)); x.answered(nameA) }, "c", true},
	} {
		x := newIndex("main", time.Minute)
		mustPick(t, x, nameA, 2000)
		tt.before(x)
		if got := x.settled(nameA, tt.cluster); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
		if _, until := x.late(nameA); tt.want && !until.IsZero() {
			t.Errorf("%s: it is still late, until %v", name, until)
		}
		if _, held := x.held[csiKey(nameA)]; held != (name != "no reservation") {
			t.Errorf("%s: reserved: %t", name, held)
		}
	}
	x := newIndex("main", time.Minute)
	x.answered(nameA)
	x.doubt(nameA)
	x.unanswered(nameA, "c", in(time.Hour))
	if len(x.held) > 0 {
		t.Errorf("something is reserved for a create that has no reservation: %+v", x.held)
	}
}

// TestDoubtIsNotProlonged by another end of the same create.
func TestDoubtIsNotProlonged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		mustPick(t, x, nameA, 2000)
		x.doubt(nameA)
		first := x.held[csiKey(nameA)].expires
		time.Sleep(time.Second)
		x.doubt(nameA)
		if got := x.held[csiKey(nameA)].expires; !got.Equal(first) {
			t.Errorf("it ends at %v, before it was %v", got, first)
		}
	})
}

// TestFailedReadings are not shared by later callers.
func TestFailedReadings(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: server.URL}}}, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	client := func(key string) *heketi.Client {
		t.Helper()
		c, err := backends.All()[0].Client(volume.Credentials{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	right, wrong := client(heketitest.DefaultKey), client("wrong")
	x := newIndex("main", time.Minute)
	const dumps = "GET /db/dump"
	began := time.Now()
	lift := server.Inject(heketitest.Fault{Prefix: dumps, Status: http.StatusInternalServerError, Body: "broken"})
	for n := range 2 { // also a caller that takes records from before the failure
		if err := x.readSince(t.Context(), right, began); !errors.Is(err, volume.ErrUnavailable) || server.Requests(dumps) != n+1 {
			t.Errorf("a later caller does not ask: %v after %d requests", err, server.Requests(dumps))
		}
	}
	lift()
	for name, read := range map[string]func() error{
		"with another key": func() error { return x.readSince(t.Context(), wrong, time.Now()) },
		"without time": func() error {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			return x.readSince(ended, right, time.Now())
		},
	} {
		since := time.Now()
		if err := read(); err == nil {
			t.Errorf("%s: it was read", name)
		}
		if err := x.readSince(t.Context(), right, since); err != nil {
			t.Errorf("%s: the next caller is told: %v", name, err)
		}
	}
}

// TestExpandsByAge: one that is too old is over, and forgotten when another is sent.
func TestExpandsByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		openJournal(t, dir)
		j := openJournal(t, dir)
		j.late = time.Hour
		if j.hasExpand(journalKey) {
			t.Error("there is one")
		}
		if err := j.begin(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); err != nil {
			t.Fatal(err)
		}
		for size, want := range map[int]bool{2: true, 5: false, 4: true} {
			if _, late := j.expandOf(journalKey, heketi.Volume{SizeGiB: size}); late != want {
				t.Errorf("of %d GiB: %t", size, late)
			}
		}
		other := createKey("main", nameA)
		time.Sleep(time.Hour)
		if err := j.begin(other, sent{Name: nameA}); err != nil {
			t.Fatal(err)
		}
		if !j.hasExpand(journalKey) || len(j.creates("main")) != 1 {
			t.Errorf("after an hour: %+v", j.sent)
		}
		time.Sleep(time.Nanosecond)
		if j.hasExpand(journalKey) {
			t.Error("after more than an hour")
		}
		if err := j.begin(other, sent{Name: nameA}); err != nil {
			t.Fatal(err)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*"+journalSuffix)); len(j.sent) != 1 || len(files) != 1 {
			t.Errorf("what is too old is kept: %+v, %q", j.sent, files)
		}
		time.Sleep(time.Hour)
		if len(j.creates("main")) != 1 {
			t.Error("a create is over after exactly an hour")
		}
		time.Sleep(time.Nanosecond)
		if len(j.creates("main")) != 0 {
			t.Error("a create is not over after more than an hour")
		}
	})
}

// TestNotesThatCannotBeRead stand for requests of the time that is known of them.
func TestNotesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().Truncate(time.Second)
	write := func(content string, at time.Time) string {
		t.Helper()
		path := filepath.Join(dir, "note")
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := func(at time.Time) string {
		return `{"version":1,"sizeGiB":2,"at":"` + at.UTC().Format(time.RFC3339) + `"}`
	}
	for _, tt := range []struct {
		name string
		path func() string
		want time.Time
		size int
	}{
		{"good", func() string { return write(good(now.Add(-time.Hour)), now.Add(-2*time.Hour)) }, now.Add(-time.Hour), 2},
		{"of the future", func() string { return write(good(now.Add(time.Hour)), now) }, now, 2},
		{"damaged", func() string { return write("{", now.Add(-time.Hour)) }, now.Add(-time.Hour), 0},
		{"damaged, of the future", func() string { return write("{", now.Add(time.Hour)) }, now, 0},
		{"missing", func() string { return filepath.Join(dir, "missing") }, now, 0},
	} {
		if got := readSent(tt.path(), now); !got.At.Equal(tt.want) || got.SizeGiB != tt.size {
			t.Errorf("%s: %+v, want %v", tt.name, got, tt.want)
		}
	}
	for name, want := range map[string]bool{"a_b.json": true, ".a_b.json": false, "a_b.json.new": false, "journal": false} {
		if _, ok := keyOfFile(name); ok != want {
			t.Errorf("%s: %t", name, ok)
		}
	}
	j := newJournal()
	j.dir = dir
	if err := j.write("a/b", sent{}); err != nil {
		t.Fatal(err)
	}
	j.remove("main/missing", "a/b")
	if _, err := os.Stat(filepath.Join(dir, fileOfKey("a/b"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("behind a note that is not there another one stays: %v", err)
	}
	j.dir = filepath.Join(dir, "missing")
	if err := j.write("a/b", sent{}); err == nil {
		t.Error("written into a directory that is not there")
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600), os.MkdirAll(filepath.Join(dir, "used", journalMarker, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "used"} {
		if _, err := openJournalDir(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: a directory that cannot be used is no error", name)
		}
	}
}
