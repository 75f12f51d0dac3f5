package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestCriteria(t *testing.T) {
	good := func() result {
		return result{Rounds: []row{{Round: "one", Writes: 1, Met: true}}, End: ending{Records: 1}}
	}
	for name, c := range map[string]struct {
		spoil func(*result)
		met   bool
	}{
		"nothing has happened":     {func(*result) {}, true},
		"an I/O error":             {func(r *result) { r.Rounds[0].Errors = 1 }, false},
		"one that is allowed":      {func(r *result) { r.Rounds[0].Errors, r.Rounds[0].ErrorsAllowed = 1, true }, true},
		"other bytes than written": {func(r *result) { r.Rounds[0].Wrong, r.Rounds[0].ErrorsAllowed = 1, true }, false},
		"an open file is lost":     {func(r *result) { r.Rounds[0].FilesLost, r.Rounds[0].ErrorsAllowed = 1, true }, false},
		"a file beneath a mount":   {func(r *result) { r.Rounds[0].Beneath = 1 }, false},
		"a call that failed":       {func(r *result) { r.Rounds[0].fault(errors.New("failed")) }, false},
		"a record is lost":         {func(r *result) { r.End.RecordsLost = 1 }, false},
		"lost on another node":     {func(r *result) { r.End.LostElsewhere = 1 }, false},
		"a stray process":          {func(r *result) { r.End.Strays = []string{"process glusterfs"} }, false},
		"nothing was written":      {func(r *result) { r.End.Records = 0 }, false},
		"the end failed":           {func(r *result) { r.End.fault(errors.New("failed")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.spoil(&r)
			r.Rounds[0].judge()
			if err := r.err(); (err == nil) != c.met {
				t.Errorf("err is %v, want met: %t", err, c.met)
			}
			var out strings.Builder
			r.print(&out)
			if marked := strings.Contains(out.String(), "| NO "); marked == r.Rounds[0].Met {
				t.Errorf("the table marks the round wrongly:\n%s", out.String())
			}
			if err := r.write(filepath.Join(t.TempDir(), "new", "chaos.json")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStrays(t *testing.T) {
	before := snapshot{"process a", "process a", "mount b"}
	for name, c := range map[string]struct {
		after snapshot
		want  string
	}{
		"the same":       {snapshot{"mount b", "process a", "process a"}, ""},
		"one has gone":   {snapshot{"process a"}, ""},
		"one has come":   {snapshot{"mount b", "process c"}, "process c"},
		"one more of it": {snapshot{"process a", "process a", "process a"}, "process a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(c.after.since(before), ","); got != c.want {
				t.Errorf("strays are %q, want %q", got, c.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	for only, want := range map[string]int{"": len(rounds()), "plugin-*": 2, "heketi-down, client-killed": 2} {
		if chosen, err := choose(only, false); err != nil || len(chosen) != want {
			t.Errorf("%q: %d rounds, %v, want %d", only, len(chosen), err, want)
		}
	}
	if _, err := choose("heketi-dwon", false); err == nil {
		t.Error("an unknown round is accepted")
	}
	if short, err := choose("", true); err != nil || len(short) == 0 || len(short) >= len(rounds()) {
		t.Errorf("the short run has %d rounds, %v", len(short), err)
	}
}
