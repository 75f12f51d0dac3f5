// Package report compares the results of a chaos run with the criteria, and writes them for people and as JSON.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// The places where rounds run.
const (
	Lab        = "lab"
	Kubernetes = "Kubernetes"
)

// Result is the whole report.
type Result struct {
	Seconds  float64  `json:"seconds"`
	Before65 bool     `json:"asBeforeLinux6.5"` // without MOVE_MOUNT_BENEATH
	CgroupV2 bool     `json:"cgroupV2Alone"`
	Rounds   []Row    `json:"rounds"`
	Ends     []Ending `json:"ends"`
}

// Row is the report of one round.
type Row struct {
	Round         string   `json:"round"`
	Where         string   `json:"where"` // Lab or Kubernetes
	Hung          bool     `json:"withHungClient"`
	Seconds       float64  `json:"seconds"`
	Writes        int      `json:"writes"`
	Reads         int      `json:"reads"`
	Errors        int      `json:"ioErrors"`
	ErrorsAllowed bool     `json:"ioErrorsAllowed"`
	Wrong         int      `json:"wrongReads"`
	FilesLost     int      `json:"openFilesLost"`
	Beneath       int      `json:"filesBeneathMounts"`
	Pause         float64  `json:"longestPauseSeconds"`
	Deaths        bool     `json:"clientsEnd"`  // calls may then be cut off, and files opened again
	Cut           int      `json:"callsCutOff"` // with ENOTCONN or ECONNABORTED
	Reopened      int      `json:"filesOpenedAgain"`
	Gap           bool     `json:"mountsInsideAway"` // for a moment, in which calls may go astray
	Astray        int      `json:"callsAstray"`      // calls that reached the volume beneath a mount inside it
	Outages       Outages  `json:"outages"`          // of all workers
	Faults        []string `json:"faults,omitempty"`
	Said          []string `json:"errors,omitempty"`
	Met           bool     `json:"met"`
}

// Fault adds an error, if there is one.
func (r *Row) Fault(err error) {
	if err != nil {
		r.Faults = append(r.Faults, err.Error())
	}
}

// Judge sets Met: whether the row meets all criteria.
func (r *Row) Judge() {
	r.Met = r.Wrong == 0 && r.FilesLost == 0 && r.Beneath == 0 && len(r.Faults) == 0 && (r.Errors == 0 || r.ErrorsAllowed) &&
		(r.Cut+r.Reopened == 0 || r.Deaths) && (r.Astray == 0 || r.Gap)
}

// Cells returns the row of the table.
func (r *Row) Cells() []string {
	name, errorCount, met := r.Round, strconv.Itoa(r.Errors), "yes"
	if r.Hung {
		name += " (hung client)"
	}
	if r.ErrorsAllowed {
		errorCount += " (allowed)"
	}
	if !r.Met {
		met = "NO"
	}
	return []string{
		name, r.Where, fmt.Sprintf("%.0f s", r.Seconds), strconv.Itoa(r.Writes), strconv.Itoa(r.Reads), errorCount, strconv.Itoa(r.Wrong),
		strconv.Itoa(r.FilesLost), strconv.Itoa(r.Beneath), fmt.Sprintf("%.1f s", r.Pause),
		strconv.Itoa(r.Cut), strconv.Itoa(r.Reopened), strconv.Itoa(r.Astray), r.Outages.String(), strconv.Itoa(len(r.Faults)), met,
	}
}

func headings() []string {
	return []string{
		"round", "where", "time", "writes", "reads", "I/O errors", "wrong reads", "open files lost", "beneath mounts", "longest pause",
		"cut off", "opened again", "astray", "outages", "faults", "met",
	}
}

// Ending holds the counts at the end of all rounds of a place.
type Ending struct {
	Where         string   `json:"where"`
	Records       int      `json:"records"`
	RecordsLost   int      `json:"recordsLost"`
	LostElsewhere int      `json:"recordsLostOnAnotherNode"`
	Strays        []string `json:"strays"`
	Faults        []string `json:"faults,omitempty"`
	Said          []string `json:"errors,omitempty"`
}

// Fault adds an error, if there is one.
func (e *Ending) Fault(err error) {
	if err != nil {
		e.Faults = append(e.Faults, err.Error())
	}
}

// Say adds a line for each worker that has lost records.
func (e *Ending) Say(who string, status tally.Status) {
	for _, w := range status.Workers {
		if w.Lost > 0 {
			e.Said = append(e.Said, fmt.Sprintf("%s, %s: %d of %d records lost: %s", who, w.Name, w.Lost, w.Writes, strings.Join(w.Said, "; ")))
		}
	}
}

// Met reports whether nothing was lost or left.
func (e *Ending) Met() bool {
	return e.Records > 0 && e.RecordsLost == 0 && e.LostElsewhere == 0 && len(e.Strays) == 0 && len(e.Faults) == 0
}

// Write writes the report as JSON.
func (r *Result) Write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// Print writes the report for people.
func (r *Result) Print(out io.Writer) {
	cells := make([][]string, 1, 1+len(r.Rounds))
	cells[0] = headings()
	for _, row := range r.Rounds {
		cells = append(cells, row.Cells())
	}
	fmt.Fprintln(out)
	printTable(out, cells)
	for _, row := range r.Rounds {
		for _, line := range append(row.Faults, row.Said...) {
			fmt.Fprintf(out, "\n%s: %s", row.Cells()[0], line)
		}
	}
	for _, e := range r.Ends {
		e.print(out)
	}
}

func (e *Ending) print(out io.Writer) {
	fmt.Fprintf(out, "\nAt the end (%s): %d records written, %d lost, %d lost as another node sees it; stray mounts, processes, cgroups and files: %d\n",
		e.Where, e.Records, e.RecordsLost, e.LostElsewhere, len(e.Strays))
	for _, line := range append(append(e.Strays, e.Faults...), e.Said...) {
		fmt.Fprintln(out, line)
	}
}

// printTable writes a table that is also Markdown.
func printTable(out io.Writer, cells [][]string) {
	width := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			width[i] = max(width[i], len(cell))
		}
	}
	for n, line := range cells {
		for i, cell := range line {
			fmt.Fprintf(out, "| %-*s ", width[i], cell)
		}
		fmt.Fprintln(out, "|")
		for i := 0; n == 0 && i < len(width); i++ {
			fmt.Fprint(out, "|"+strings.Repeat("-", width[i]+2))
		}
		if n == 0 {
			fmt.Fprintln(out, "|")
		}
	}
}

// Err returns nil if every criterion is met.
func (r *Result) Err() error {
	var missed []string
	for _, row := range r.Rounds {
		if !row.Met {
			missed = append(missed, row.Cells()[0])
		}
	}
	for _, e := range r.Ends {
		if !e.Met() {
			missed = append(missed, "the end ("+e.Where+")")
		}
	}
	if len(missed) == 0 {
		return nil
	}
	return errors.New("criteria are not met: " + strings.Join(missed, ", "))
}
