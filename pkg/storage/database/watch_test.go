package database

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSettle checks when changes are saved, in the fake time of synctest.
func TestSettle(t *testing.T) {
	seconds := func(list ...float64) (all []time.Duration) {
		for _, s := range list {
			all = append(all, time.Duration(s*float64(time.Second)))
		}
		return all
	}
	for name, tt := range map[string]struct {
		changes []time.Duration // since the start
		failing int             // number of saves, from the first, that fail
		saved   []time.Duration
	}{
		"one change":         {changes: seconds(0), saved: seconds(1)},
		"a burst":            {changes: seconds(0, 0.5, 1.2, 2), saved: seconds(3)},
		"two bursts":         {changes: seconds(0, 0.5, 10, 10.5), saved: seconds(1.5, 11.5)},
		"an endless burst":   {changes: every(500*time.Millisecond, 40), saved: seconds(15, 20.5)},
		"failures":           {changes: seconds(0), failing: 3, saved: seconds(1, 2, 4, 8)},
		"changes meanwhile":  {changes: seconds(0, 1.5), failing: 1, saved: seconds(1, 2, 3)},
		"many long failures": {changes: seconds(0), failing: 8, saved: seconds(1, 2, 4, 8, 16, 32, 64, 124, 184)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				changes := make(chan struct{}, 1)
				began := time.Now()
				var saved []time.Duration
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					saveAfterBursts(ctx, changes, DefaultTiming(), func(context.Context) error {
						saved = append(saved, time.Since(began))
						if len(saved) <= tt.failing {
							return errors.New("no answer")
						}
						return nil
					})
				}()
				for _, at := range tt.changes {
					time.Sleep(time.Until(began.Add(at)))
					select {
					case changes <- struct{}{}:
					default:
					}
				}
				time.Sleep(5 * time.Minute)
				cancel()
				<-ended
				if !slices.Equal(saved, tt.saved) {
					t.Errorf("saved at %v, want %v", saved, tt.saved)
				}
			})
		})
	}
}

func every(d time.Duration, times int) (all []time.Duration) {
	for i := range times {
		all = append(all, time.Duration(i)*d)
	}
	return all
}

// TestWatch: the kernel's events are noticed when a file appears, is written, or is replaced, and when its directory is replaced.
func TestWatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "volume")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "heketi.db")
	ctx, cancel := context.WithCancel(t.Context())
	timing := Timing{Quiet: 20 * time.Millisecond, Longest: time.Second, Poll: 100 * time.Millisecond, Retry: time.Millisecond, RetryMax: time.Millisecond}
	var saves atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, path, timing, func(context.Context) error { saves.Add(1); return nil })
	}()
	defer func() { cancel(); <-ended }()
	quiet := func() int64 { // waits until nothing more is saved
		for last := int64(-1); ; {
			now := saves.Load()
			if now == last && now > 0 {
				return now
			}
			last = now
			time.Sleep(300 * time.Millisecond)
		}
	}
	step := func(what string, change func() error) {
		t.Helper()
		before := quiet()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); saves.Load() == before; time.Sleep(time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("%s was not noticed", what)
			}
		}
	}
	step("a new file", func() error { return os.WriteFile(path, []byte("a"), 0o600) })
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	step("a write, as Heketi's: the file stays open", func() error { _, err := file.WriteAt([]byte("b"), 0); return err })
	step("a file in its place", func() error {
		return errors.Join(os.WriteFile(path+".new", []byte("c"), 0o600), os.Rename(path+".new", path))
	})
	step("a directory in its place, as when a mount is replaced", func() error {
		return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700), os.WriteFile(path, []byte("d"), 0o600))
	})
	step("a write there", func() error { return os.WriteFile(path, []byte("e"), 0o600) })
	before := quiet()
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := quiet(); after != before {
		t.Errorf("another file was taken for the database")
	}
}

// TestObserveByLooking: without the kernel's events, changes are still noticed, only later.
func TestObserveByLooking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "heketi.db")
	ctx, cancel := context.WithCancel(t.Context())
	noticed := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		observe(ctx, path, 20*time.Millisecond, func() { noticed <- struct{}{} })
	}()
	time.Sleep(50 * time.Millisecond)
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-noticed:
	case <-time.After(10 * time.Second):
		t.Error("not noticed")
	}
	cancel()
	<-ended
}

// TestSavedAgain: an emptied Secret gets its backup back without a change of the database.
func TestSavedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heketi.db")
	all, from := newSecrets(SecretName), &source{}
	from.set("records", nil)
	saver := Saver{From: from, To: all.store(SecretName), Program: fakeHeketi(t)}
	timing := Timing{Quiet: time.Millisecond, Longest: time.Second, Poll: time.Hour, Again: 20 * time.Millisecond, Retry: time.Millisecond, RetryMax: time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, path, timing, saver.Save)
	}()
	defer func() { cancel(); <-ended }()
	for range 2 {
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			_, err := all.store(SecretName).Load(t.Context())
			if err == nil {
				break
			}
			if time.Since(began) > 10*time.Second {
				t.Fatal(err)
			}
		}
		if err := all.store(SecretName).Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
