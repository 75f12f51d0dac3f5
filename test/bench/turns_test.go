package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestBothAlternates(t *testing.T) {
	users := []*user{{root: "ours"}, {root: "plain"}}
	var log []string
	for turn := range 3 {
		err := both(users, turn, func(u *user, turn int) error {
			log = append(log, fmt.Sprint(u.root, turn))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := "ours0 plain0 plain1 ours1 ours2 plain2"; strings.Join(log, " ") != want {
		t.Errorf("got %q, want %q", log, want)
	}
	if users[0].seconds <= 0 || users[1].seconds <= 0 {
		t.Errorf("no time was counted: %v and %v", users[0].seconds, users[1].seconds)
	}
}

func TestBothStopsAtAnError(t *testing.T) {
	full := errors.New("no space")
	calls := 0
	err := both([]*user{{}, {}}, 0, func(*user, int) error { calls++; return full })
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}
