// Package tutorial runs a document: it runs the shell commands in the document's blocks, one after the other, and compares
// their output with the document, so that a test fails when the document becomes wrong.
//
// A document may have only these kinds of blocks:
//
//	```sh                 commands for the reader's own shell, with kubectl and helm
//	```sh gluster-node    commands for a root shell on a gluster node
//	```sh yours           variables that each reader sets to other values; they are given, not run
//	```text               behind one of the first two and the line "It prints:": what these commands print
//
// Many readers do not see these words, so the text must say the same: it names a gluster node before each block for one.
//
// A variable that a block sets is there for later blocks of the same shell. In the text, "…" stands for anything within a
// line, a line "…" for any number of lines; any number of blanks equals one.
package tutorial

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Shell names the shell in which commands run.
type Shell string

// The shells of a document, as its blocks name them. Yours is not a shell.
const (
	Reader      Shell = "sh"
	GlusterNode Shell = "sh gluster-node"
	Yours       Shell = "sh yours"
)

const (
	fence  = "```"
	output = "text"
	// announcement stands between commands and what they print.
	announcement = "It prints:"
)

var namesGluster = regexp.MustCompile(`(?i)gluster (?:node|server)`)

// Block holds commands and their place in the document.
type Block struct {
	Shell Shell
	// Line is the block's line in the document, counted from 1.
	Line int
	// Section is the heading above the block.
	Section string
	// Prose is the text between the previous block, or the heading, and this block.
	Prose []string
	// Commands are lines of shell.
	Commands string
	// Output is the output of the commands according to the document, or empty if it shows none.
	Output string
}

// Parse reads a document. It returns an error for anything that it would have to skip, because a block that is never run would
// become outdated.
func Parse(r io.Reader) ([]Block, error) {
	p := parser{lines: bufio.NewScanner(r)}
	for p.next() {
		switch trimmed := strings.TrimSpace(p.text); {
		case strings.HasPrefix(trimmed, fence):
			if err := p.fenced(); err != nil {
				return nil, err
			}
		case strings.HasPrefix(p.text, "#"):
			p.section, p.prose = strings.TrimSpace(strings.TrimLeft(p.text, "#")), nil
		case trimmed != "" || len(p.prose) > 0:
			p.prose = append(p.prose, p.text)
		}
	}
	return p.blocks, p.lines.Err()
}

type parser struct {
	lines   *bufio.Scanner
	line    int
	text    string
	section string
	prose   []string
	blocks  []Block
}

func (p *parser) next() bool {
	if !p.lines.Scan() {
		return false
	}
	p.line++
	p.text = p.lines.Text()
	return true
}

// fenced reads the block that starts at the current line.
func (p *parser) fenced() error {
	line := p.line
	info, ok := strings.CutPrefix(p.text, fence)
	if !ok {
		return fmt.Errorf("line %d: an indented block, which would not be run; begin it at the margin", line)
	}
	body, err := p.body()
	if err != nil {
		return err
	}
	switch shell := Shell(info); shell {
	case Reader, GlusterNode, Yours:
		prose := paragraphs(p.prose)
		p.prose = nil
		if shell == GlusterNode && !namesGluster.MatchString(strings.Join(prose, " ")) {
			return fmt.Errorf("line %d: the text before a block for a gluster node must name the gluster node", line)
		}
		p.blocks = append(p.blocks, Block{Shell: shell, Line: line, Section: p.section, Prose: prose, Commands: body})
		return nil
	case output:
		prose := paragraphs(p.prose)
		p.prose = nil
		if len(p.blocks) == 0 || len(prose) != 1 || prose[0] != announcement {
			return fmt.Errorf("line %d: between commands and their output must stand %q, and nothing else", line, announcement)
		}
		last := &p.blocks[len(p.blocks)-1]
		if last.Shell == Yours || last.Output != "" || last.Section != p.section {
			return fmt.Errorf("line %d: output without commands that print it", line)
		}
		last.Output = body
		return nil
	}
	return fmt.Errorf("line %d: a block of %q; allowed are %q, %q, %q and %q", line, info, Reader, GlusterNode, Yours, output)
}

// body reads up to the end of the block.
func (p *parser) body() (string, error) {
	line := p.line
	var body strings.Builder
	for p.next() {
		if strings.TrimSpace(p.text) == fence {
			return body.String(), nil
		}
		body.WriteString(p.text + "\n")
	}
	return "", fmt.Errorf("line %d: a block without an end", line)
}

// paragraphs leaves out empty lines at both ends.
func paragraphs(lines []string) []string {
	text := strings.Trim(strings.Join(lines, "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
