package tutorial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// blockLimit ends a block that hangs. It is long enough for a cluster on a busy machine to pull images and create volumes.
const blockLimit = 5 * time.Minute

// Runner runs the blocks of a document.
type Runner struct {
	// Command prepares a program for one of the shells.
	Command func(ctx context.Context, shell Shell, name string, args ...string) *exec.Cmd
	// Yours are the values of the variables that readers set.
	Yours map[string]string
	// Dir is the directory of the reader's shell. All shells can write into it; it holds their variables between blocks.
	Dir string
	// Out receives what a reader would see.
	Out io.Writer
	// Colour turns on colours, for terminals.
	Colour bool
}

// Run runs all blocks, up to the first that fails or whose output differs from the document.
func (r *Runner) Run(ctx context.Context, blocks []Block) error {
	s := screen{out: r.Out, colour: r.Colour}
	section := ""
	for _, b := range blocks {
		if b.Section != section {
			section = b.Section
			s.headline(section)
		}
		s.prose(b.Prose)
		begin := time.Now()
		if err := r.run(ctx, b, &s); err != nil {
			return fmt.Errorf("line %d: %w", b.Line, err)
		}
		s.took(time.Since(begin))
	}
	return nil
}

func (r *Runner) run(ctx context.Context, b Block, s *screen) error {
	if b.Shell == Yours {
		return r.set(b, s)
	}
	s.commands(b)
	ctx, cancel := context.WithTimeout(ctx, blockLimit)
	defer cancel()
	cmd := r.Command(ctx, b.Shell, "bash", "-c", r.script(b.Shell, b.Commands))
	var printed bytes.Buffer
	shown := s.indented()
	cmd.Stdout = io.MultiWriter(&printed, shown)
	cmd.Stderr = cmd.Stdout         // in the order in which a terminal shows it
	cmd.WaitDelay = 5 * time.Second // for children of the killed shell
	err := cmd.Run()
	shown.end()
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if b.Output == "" {
		return nil
	}
	return compare(b.Output, printed.String())
}

// script wraps a block: it loads the variables of the blocks before, and saves its own for the next blocks. The first command
// that fails ends the block.
func (r *Runner) script(shell Shell, commands string) string {
	state := quote(r.state(shell))
	return "set -aeuo pipefail\ncd " + quote(r.Dir) + "\n[ ! -e " + state + " ] || . " + state + "\n" + commands + "\nexport -p >" + state
}

func (r *Runner) state(shell Shell) string {
	return filepath.Join(r.Dir, strings.ReplaceAll(string(shell), " ", "-")+".variables")
}

var assignment = regexp.MustCompile(`(?m)^([A-Za-z_][A-Za-z0-9_]*)=`)

// set sets the variables that the block lists in the reader's shell.
func (r *Runner) set(b Block, s *screen) error {
	var set strings.Builder
	for _, match := range assignment.FindAllStringSubmatch(b.Commands, -1) {
		value, ok := r.Yours[match[1]]
		if !ok {
			return fmt.Errorf("the document asks readers for %s, and it is not among the given values", match[1])
		}
		set.WriteString(match[1] + "=" + quote(value) + "\n")
	}
	b.Commands = set.String()
	s.commands(b)
	file, err := os.OpenFile(r.state(Reader), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(b.Commands)
	return errors.Join(err, file.Close())
}

// quote quotes a text as one word for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
