package database

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

func TestTakeAndUnpack(t *testing.T) {
	c := take(t, strings.Repeat("records", 10000), time.Now())
	if len(c.Packed) > 2000 || len(c.SHA256) != 64 {
		t.Errorf("%d bytes, sha256 %q", len(c.Packed), c.SHA256)
	}
	var out bytes.Buffer
	if err := c.Unpack(&out); err != nil || out.String() != fakeFile(strings.Repeat("records", 10000)) {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

func TestTooLarge(t *testing.T) {
	noise := make([]byte, 2*LargestPacked)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	from := &source{}
	from.set(string(noise), nil)
	if _, err := MakeCopy(t.Context(), from, fakeHeketi(t)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "more than 1000000 bytes") {
		t.Errorf("%v", err)
	}
}

// TestPartOfADatabase: a copy that ends early is refused.
func TestPartOfADatabase(t *testing.T) {
	from := &source{}
	from.set("records", errors.New("unexpected EOF"))
	if _, err := MakeCopy(t.Context(), from, fakeHeketi(t)); err == nil || !strings.Contains(err.Error(), "copy the database of Heketi: unexpected EOF") {
		t.Errorf("%v", err)
	}
}

func TestDamaged(t *testing.T) {
	good := take(t, "records", time.Now())
	for name, damage := range map[string]func(*Copy){
		"cut off":     func(c *Copy) { c.Packed = c.Packed[:len(c.Packed)-5] },
		"no gzip":     func(c *Copy) { c.Packed = []byte("records") },
		"another sum": func(c *Copy) { c.SHA256 = strings.Repeat("0", 64) },
		"no sum":      func(c *Copy) { c.SHA256 = "" },
		"empty":       func(c *Copy) { c.Packed = nil },
	} {
		c := good
		damage(&c)
		if err := c.Unpack(&bytes.Buffer{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStore(t *testing.T) {
	all := newSecrets(SecretName)
	store := all.store(SecretName)
	if _, err := store.Load(t.Context()); !errors.Is(err, ErrEmpty) || !strings.Contains(err.Error(), "Secret storage/heketi-db-backup: it holds no backup") {
		t.Errorf("%v", err)
	}
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	want := take(t, "records", at)
	want.Unfinished = true
	for range 2 {
		if err := store.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := store.Load(t.Context())
		if err != nil || got.SHA256 != want.SHA256 || !bytes.Equal(got.Packed, want.Packed) || !got.TakenAt.Equal(at) || got.Unfinished != want.Unfinished {
			t.Errorf("%+v, %v", got, err)
		}
		want.Unfinished = false // the mark is removed
	}
	if got := all.all[SecretName].Annotations; len(got) != 2 || got["glusterfs-storage/taken-at"] != "2026-05-04T03:02:01Z" || got["glusterfs-storage/sha256"] != want.SHA256 {
		t.Errorf("annotations %v", got)
	}
	for _, err := range []error{all.store("other").Save(t.Context(), want), func() error { _, err := all.store("other").Load(t.Context()); return err }()} {
		if err == nil || !strings.Contains(err.Error(), "Secret storage/other is missing; helm upgrade makes it again") {
			t.Errorf("%v", err)
		}
	}
}

func TestSaver(t *testing.T) {
	all := newSecrets(SecretName)
	from := &source{}
	save := func(s *Saver, want int) {
		t.Helper()
		if err := s.Save(t.Context()); err != nil || all.written() != want {
			t.Errorf("%d writes, want %d; %v", all.written(), want, err)
		}
	}
	from.set("one", nil)
	first := &Saver{From: from, To: all.store(SecretName), Program: fakeHeketi(t), Unfinished: true}
	save(first, 1)
	save(first, 1)
	save(&Saver{From: from, To: all.store(SecretName), Program: fakeHeketi(t), Unfinished: true}, 1) // a setup that was started again
	save(&Saver{From: from, To: all.store(SecretName), Program: fakeHeketi(t)}, 2)                   // the mark is removed
	second := &Saver{From: from, To: all.store(SecretName), Program: fakeHeketi(t)}
	save(second, 2)
	from.set("two", nil)
	save(second, 3)
	if err := all.store(SecretName).Clear(t.Context()); err != nil { // by an administrator or helm upgrade --force-replace
		t.Fatal(err)
	}
	save(second, 5)
	from.set("two", errors.New("cut off"))
	if err := second.Save(t.Context()); err == nil || all.written() != 5 {
		t.Errorf("%d writes, %v", all.written(), err)
	}
}

func TestSlots(t *testing.T) {
	names := []string{"s-0", "s-1", "s-2"}
	all := newSecrets(names...)
	slots := Slots{Store: all.store("s"), Count: 3}
	day := func(n int) time.Time { return time.Date(2026, 1, n, 3, 0, 0, 0, time.UTC) }
	for i, tt := range []struct {
		content, slot string
	}{
		{"a", "s-0"}, {"b", "s-1"}, {"c", "s-2"}, // empty ones first
		{"d", "s-0"}, {"e", "s-1"}, // then the slot with the oldest backup
		{"e", "s-1"}, {"e", "s-1"}, // unchanged: no older backup is lost
		{"c", "s-2"}, // the oldest backup, which happens to have the same content
		{"f", "s-0"},
	} {
		if err := slots.Save(t.Context(), take(t, tt.content, day(i+1))); err != nil {
			t.Fatal(err)
		}
		if got := all.writes[len(all.writes)-1]; got != tt.slot {
			t.Errorf("backup %d is in %s, want %s", i, got, tt.slot)
		}
	}
	for i, want := range []int{9, 7, 8} {
		if c, err := all.store(names[i]).Load(t.Context()); err != nil || !c.TakenAt.Equal(day(want)) {
			t.Errorf("%s: %+v, %v", names[i], c, err)
		}
	}
	more := Slots{Store: all.store("s"), Count: 4}
	if err := more.Save(t.Context(), take(t, "g", day(20))); err == nil || !strings.Contains(err.Error(), "Secret storage/s-3 is missing") {
		t.Errorf("%v", err)
	}
}

// TestSlotsFromTheFuture: backups from the future are overwritten first, oldest first, and never count as the newest.
func TestSlotsFromTheFuture(t *testing.T) {
	all := newSecrets("s-0", "s-1", "s-2", "s-3")
	slots := Slots{Store: all.store("s"), Count: 4}
	day := func(n int) time.Time { return time.Date(2026, 1, n, 3, 0, 0, 0, time.UTC) }
	for i, tt := range []struct {
		content string
		at      time.Time
		slot    string
	}{
		{"a", day(1), "s-0"},
		{"b", day(32), "s-1"}, {"c", day(31), "s-2"}, // empty ones first, although the clock is ahead
		{"d", day(2), "s-3"},
		{"b", day(3), "s-2"}, // not s-1: a backup from the future is not the newest
		{"e", day(4), "s-1"},
		{"f", day(5), "s-0"}, // no backup from the future is left, so the oldest backup is overwritten
		{"g", day(6).Add(clockSkew), "s-3"},
		{"g", day(6), "s-3"}, // clocks differ a little
	} {
		if err := slots.Save(t.Context(), take(t, tt.content, tt.at)); err != nil {
			t.Fatal(err)
		}
		if got := all.writes[len(all.writes)-1]; got != tt.slot {
			t.Errorf("backup %d is in %s, want %s", i, got, tt.slot)
		}
	}
}

// TestSlotsOfTwo: of two concurrent jobs, the second does not overwrite the backup that the first has just saved.
func TestSlotsOfTwo(t *testing.T) {
	all := newSecrets("s-0")
	raced := &racing{secrets: all}
	slots := Slots{Store: Store{Secrets: raced, Namespace: testNamespace, Name: "s"}, Count: 1}
	if err := slots.Save(t.Context(), take(t, "a", time.Now())); err == nil || !strings.Contains(err.Error(), "conflict") {
		t.Errorf("%v", err)
	}
}

// racing holds Secrets that another job changes between each read and write.
type racing struct{ *secrets }

func (r *racing) ChangeSecret(ctx context.Context, namespace, name string, change kube.Secret) error {
	other := kube.Secret{Annotations: map[string]string{"other": "job"}}
	return errors.Join(r.secrets.ChangeSecret(ctx, namespace, name, other), r.secrets.ChangeSecret(ctx, namespace, name, change))
}
