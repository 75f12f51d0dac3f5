// Package report prints the findings of the commands that look for problems. WriteText and WriteJSON print the findings in the
// order of the slice, so call Sort before. Both replace characters that cannot be printed, so a finding may quote the texts of
// servers. ExitCode returns the exit code of the command, which depends on the worst severity.
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

// Severity is the severity of a finding.
type Severity string

// The severities, the worst first.
const (
	Critical Severity = "critical" // something does not work
	Warning  Severity = "warning"  // something will not work, or could not be examined
	Info     Severity = "info"     // worth knowing
	OK       Severity = "ok"       // examined and found good
)

func (s Severity) weight() int {
	return slices.Index([]Severity{Critical, Warning, Info, OK}, s)
}

// Finding is the result of one check.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"`              // identifies the check, the same in every version
	Subject  string   `json:"subject"`            // what was examined
	Message  string   `json:"message"`            // what was found
	Remedy   string   `json:"remedy,omitempty"`   // what to do about it
	Commands []string `json:"commands,omitempty"` // commands of the remedy, one in each element; they are printed and never run
}

// printable replaces characters that cannot be printed. Texts from servers could otherwise move the cursor of a terminal, or make
// a copied command differ from the visible one.
func (f Finding) printable() Finding {
	f.Subject, f.Message, f.Remedy = plain.Text(f.Subject), plain.Text(f.Message), plain.Text(f.Remedy)
	f.Commands = slices.Clone(f.Commands)
	for i, command := range f.Commands {
		f.Commands[i] = plain.Text(command)
	}
	return f
}

// Sort orders findings by severity; the order within a severity is kept.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Severity.weight(), b.Severity.weight()) })
}

// ExitCode returns 2 if there is a critical finding, 1 if the worst is a warning, and 0 otherwise.
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
	shown := make([]Finding, len(findings)) // never nil: without findings, the output is [] and not null
	for i, f := range findings {
		shown[i] = f.printable()
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // commands are meant to be copied
	encoder.SetIndent("", "  ")
	return encoder.Encode(shown)
}

// WriteText writes one line for each finding with the severity OK, a block of lines for each other finding, and at the end the
// number of findings of each severity.
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
