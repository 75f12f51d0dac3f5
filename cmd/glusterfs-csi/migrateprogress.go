package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// progress shows the results of a migration. In a log, it writes a line for each object. On a terminal, it writes lines only for
// objects that need attention; a bar below shows how many are done and about how long the others will take.
type progress struct {
	out     io.Writer
	columns func() int // the terminal's columns; nil in a log
	total   int        // number of objects
	most    int        // most changes that may be made; 0 means no limit

	selected map[string]bool // names of the PersistentVolumes among the objects

	counts  map[migrate.Outcome]int
	changed int           // objects refused because something has changed since the plan was made
	done    int           // number of objects with an outcome
	swaps   int           // number of objects that were replaced
	spent   time.Duration // total time of the swaps
	drawn   bool          // the bar is on the screen
}

// newProgress shows the progress of the selected part of a plan.
func newProgress(out io.Writer, plan migrate.Plan, selection migrate.Selection, classes bool) *progress {
	p := &progress{out: out, columns: terminal(out), most: selection.Max, selected: map[string]bool{}, counts: map[migrate.Outcome]int{}}
	for _, v := range plan.Volumes {
		if len(selection.Only) == 0 || slices.Contains(selection.Only, v.Name) {
			p.selected[v.Name] = true
			p.total++
		}
	}
	if classes && len(selection.Only) == 0 {
		p.total += len(plan.Classes)
	}
	return p
}

// terminal returns a function for the number of columns of out, or nil if out is not a terminal that can show a bar.
func terminal(out io.Writer) func() int {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return func() int {
		columns, _, err := term.GetSize(int(file.Fd()))
		if err != nil || columns <= 0 {
			return 80
		}
		return columns
	}
}

func (p *progress) report(r migrate.Result) {
	p.counts[r.Outcome]++
	if errors.Is(r.Err, migrate.ErrChanged) {
		p.changed++
	}
	// Endpoints and Services are not part of the selection, and a missing object may be left out by --only.
	if r.Outcome != migrate.NotRestored && (r.Outcome != migrate.Missing || p.selected[r.Name]) {
		p.done++
	}
	if r.Err == nil && r.Outcome != migrate.Unchanged {
		p.swaps++
		p.spent += r.Took
	}
	dryRun := r.Outcome == migrate.WouldMigrate || r.Outcome == migrate.WouldRollBack // the lines of a dry run are its only result
	if p.columns == nil || r.Err != nil || r.Note != "" || dryRun {
		p.clear()
		p.line(r)
	}
	p.draw(r.Name)
}

// line writes the outcome for one object.
func (p *progress) line(r migrate.Result) {
	text := r.Note
	if r.Err != nil {
		text = r.Err.Error()
	}
	if text != "" {
		text = ": " + text
	}
	fmt.Fprintf(p.out, "%-11s %s (%v)%s\n", r.Outcome, r.Name, r.Took.Round(time.Millisecond), text)
}

// widestBar is the greatest width of the bar itself, in columns.
const widestBar = 40

// draw shows the bar and the name of the last object.
func (p *progress) draw(name string) {
	if p.columns == nil {
		return
	}
	columns := p.columns() - 1 // some terminals begin a new line after a character in the last column
	width := min(widestBar, columns/2)
	filled := width
	if p.total > 0 {
		filled = width * min(p.done, p.total) / p.total
	}
	text := fmt.Sprintf("[%s%s] %d/%d%s, %s", strings.Repeat("=", filled), strings.Repeat(" ", width-filled), p.done, p.total, p.estimate(), name)
	fmt.Fprint(p.out, eraseLine, text[:min(len(text), max(columns, 0))])
	p.drawn = true
}

// eraseLine moves to the beginning of a terminal's line and erases it (ECMA-48: EL).
const eraseLine = "\r\x1b[K"

// estimate returns how long the remaining objects will take if each takes as long as those that were replaced.
func (p *progress) estimate() string {
	left := p.total - p.done
	if p.most > 0 {
		left = min(left, p.most-p.swaps)
	}
	if p.swaps == 0 || left <= 0 {
		return ""
	}
	remaining := p.spent / time.Duration(p.swaps) * time.Duration(left)
	return fmt.Sprintf(", about %v left", max(time.Second, remaining.Round(time.Second)))
}

// clear removes the bar.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.out, eraseLine)
		p.drawn = false
	}
}

// summarize writes a summary. It returns an error if anything remains to be done.
func (p *progress) summarize(dryRun bool) error {
	p.clear()
	for _, outcome := range []migrate.Outcome{migrate.Migrated, migrate.RolledBack, migrate.WouldMigrate, migrate.WouldRollBack,
		migrate.Unchanged, migrate.Refused, migrate.Failed, migrate.Missing, migrate.NotRestored} {
		if n := p.counts[outcome]; n > 0 {
			fmt.Fprintf(p.out, "%s: %d\n", outcome, n)
		}
	}
	if dryRun {
		fmt.Fprintln(p.out, "This was a dry run: nothing was changed.")
	}
	var left []string
	if n := p.counts[migrate.Missing]; n > 0 {
		left = append(left, fmt.Sprintf("%d are MISSING and were left out by this run; run it again for them", n))
	}
	if n := p.counts[migrate.NotRestored]; n > 0 {
		left = append(left, fmt.Sprintf("%d Endpoints or Services were not restored; fix what their lines say, and run the same command again", n))
	}
	if n := p.counts[migrate.Failed]; n > 0 {
		left = append(left, fmt.Sprintf("%d failed; run the same command again", n))
	}
	if p.changed > 0 {
		left = append(left, fmt.Sprintf("%d have changed since the plan was made; make a new plan for these, in another file", p.changed))
	}
	if len(left) == 0 {
		return nil
	}
	return errors.New(strings.Join(left, "; "))
}
