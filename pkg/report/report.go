// Package report is what the commands that look for trouble say: findings, each with its weight and its remedy.
package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// Severity is the weight of a finding.
type Severity string

// The severities, by falling weight.
const (
	Critical Severity = "critical" // something does not work
	Warning  Severity = "warning"  // something will not work, or could not be judged
	Info     Severity = "info"     // worth knowing
	OK       Severity = "ok"       // looked at and found good
)

func (s Severity) weight() int {
	return slices.Index([]Severity{Critical, Warning, Info, OK}, s)
}

// Finding is one thing that was looked at.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"`              // names the check, the same in every version
	Subject  string   `json:"subject"`            // what was looked at
	Message  string   `json:"message"`            // what is the case
	Remedy   string   `json:"remedy,omitempty"`   // what to do about it
	Commands []string `json:"commands,omitempty"` // commands of the remedy, one in each; none is ever run here
}

// printable keeps what others have written from moving a terminal's cursor, or from being copied as another command than is seen.
func (f Finding) printable() Finding {
	f.Subject, f.Message, f.Remedy = plain.Text(f.Subject), plain.Text(f.Message), plain.Text(f.Remedy)
	f.Commands = slices.Clone(f.Commands)
	for i, command := range f.Commands {
		f.Commands[i] = plain.Text(command)
	}
	return f
}

// Sort orders findings by weight; those of one weight keep their order.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Severity.weight(), b.Severity.weight()) })
}

// ExitCode is 2 when something critical was found, 1 when the worst is a warning, 0 otherwise.
func ExitCode(findings []Finding) int {
	code := 0
	for _, f := range findings {
		switch f.Severity {
		case Critical:
			code = max(code, 2)
		case Warning:
			code = max(code, 1)
		case Info, OK:
		}
	}
	return code
}

// WriteJSON writes the findings as a list of objects.
func WriteJSON(w io.Writer, findings []Finding) error {
	shown := make([]Finding, len(findings)) // [] for none
	for i, f := range findings {
		shown[i] = f.printable()
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // commands are there to be copied
	encoder.SetIndent("", "  ")
	return encoder.Encode(shown)
}

// WriteText writes a block for each finding that asks for attention, a line for each that is good, and their numbers.
func WriteText(w io.Writer, findings []Finding) error {
	var out strings.Builder
	counts := map[Severity]int{}
	for _, f := range findings {
		f = f.printable()
		counts[f.Severity]++
		if f.Severity == OK {
			fmt.Fprintf(&out, "ok        %s: %s\n", f.Subject, f.Message)
			continue
		}
		fmt.Fprintf(&out, "%-9s %s (%s)\n", strings.ToUpper(string(f.Severity)), f.Subject, f.Check)
		paragraph(&out, "", f.Message)
		if f.Remedy != "" {
			paragraph(&out, "Remedy: ", f.Remedy)
		}
		for _, command := range f.Commands {
			fmt.Fprintf(&out, "            $ %s\n", command)
		}
		out.WriteString("\n")
	}
	if counts[OK] > 0 {
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "%d critical, %d warning, %d info, %d ok\n", counts[Critical], counts[Warning], counts[Info], counts[OK])
	_, err := io.WriteString(w, out.String())
	return err
}

// paragraph writes a text in lines that fit a terminal.
func paragraph(out *strings.Builder, label, text string) {
	const indent, width = "          ", 110
	line := indent + label
	empty := true
	for word := range strings.FieldsSeq(plain.Text(text)) {
		if !empty && len(line)+1+len(word) > width {
			out.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	out.WriteString(line + "\n")
}
