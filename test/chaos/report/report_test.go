package report

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestCriteria(t *testing.T) {
	good := func() Result {
		return Result{Rounds: []Row{{Round: "one", Writes: 1, Met: true}}, Ends: []Ending{{Where: Lab, Records: 1}}}
	}
	for name, c := range map[string]struct {
		spoil func(*Result)
		met   bool
	}{
		"nothing has happened":     {func(*Result) {}, true},
		"an I/O error":             {func(r *Result) { r.Rounds[0].Errors = 1 }, false},
		"one that is allowed":      {func(r *Result) { r.Rounds[0].Errors, r.Rounds[0].ErrorsAllowed = 1, true }, true},
		"other bytes than written": {func(r *Result) { r.Rounds[0].Wrong, r.Rounds[0].ErrorsAllowed = 1, true }, false},
		"an open file is lost":     {func(r *Result) { r.Rounds[0].FilesLost, r.Rounds[0].ErrorsAllowed = 1, true }, false},
		"a file beneath a mount":   {func(r *Result) { r.Rounds[0].Beneath = 1 }, false},
		"a call cut off":           {func(r *Result) { r.Rounds[0].Cut = 1 }, false},
		"one in a death":           {func(r *Result) { r.Rounds[0].Cut, r.Rounds[0].Reopened, r.Rounds[0].Deaths = 1, 1, true }, true},
		"opened again":             {func(r *Result) { r.Rounds[0].Reopened = 1 }, false},
		"a call astray":            {func(r *Result) { r.Rounds[0].Astray = 1 }, false},
		"one in a gap":             {func(r *Result) { r.Rounds[0].Astray, r.Rounds[0].Gap = 1, true }, true},
		"a call that failed":       {func(r *Result) { r.Rounds[0].Fault(errors.New("failed")) }, false},
		"a record is lost":         {func(r *Result) { r.Ends[0].RecordsLost = 1 }, false},
		"lost on another node":     {func(r *Result) { r.Ends[0].LostElsewhere = 1 }, false},
		"a stray process":          {func(r *Result) { r.Ends[0].Strays = []string{"process glusterfs"} }, false},
		"nothing was written":      {func(r *Result) { r.Ends[0].Records = 0 }, false},
		"the end failed":           {func(r *Result) { r.Ends[0].Fault(errors.New("failed")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.spoil(&r)
			r.Rounds[0].Judge()
			if err := r.Err(); (err == nil) != c.met {
				t.Errorf("err is %v, want met: %t", err, c.met)
			}
			var out strings.Builder
			r.Print(&out)
			if marked := strings.Contains(out.String(), "| NO "); marked == r.Rounds[0].Met {
				t.Errorf("the table marks the round wrongly:\n%s", out.String())
			}
			if err := r.Write(filepath.Join(t.TempDir(), "new", "chaos.json")); err != nil {
				t.Error(err)
			}
		})
	}
}
