// Package tutorial carries out a document: it runs the shell commands in its blocks, one after the other, and compares
// what they print with what the document says, so that the document cannot become untrue without anybody noticing.
//
// These blocks have a meaning, and no others may be in the document:
//
//	```sh                 commands for the reader's own shell, with kubectl and helm
//	```sh gluster-node    commands for a root shell on a gluster node
//	```sh yours           variables that each reader sets to values of their own; they are given, not run
//	```text               behind one of the first two and the line "It prints:": what these commands print
//
// Many readers do not see these words, so the text says the same: it names a gluster node before each block for one.
//
// A variable that a block sets is there for later blocks of the same shell. In the text, "…" stands for anything within a
// line, a line "…" for any number of lines, and any number of blanks is like one.
package tutorial

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Shell is where commands run.
type Shell string

// The shells of a document, as its blocks name them. Yours is none.
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

// Block is commands with what belongs to them.
type Block struct {
	Shell Shell
	// Line of the document, counted from 1.
	Line int
	// Section is the heading that the block stands under.
	Section string
	// Prose is what stands between the block before, or the heading, and this one.
	Prose []string
	// Commands are lines of shell.
	Commands string
	// Output is what the document says that they print, or empty when it says nothing.
	Output string
}

// Parse reads a document. Whatever it would have to pass over is an error: a block that nobody runs would rot.
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

// fenced reads a block, at whose first line the parser is.
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
