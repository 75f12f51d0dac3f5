package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// work describes the task of this program when it runs on one of the lab's machines.
type work struct {
	Commands [][]string `json:"commands"` // run in order, or AtOnce at a time
	AtOnce   int        `json:"atOnce"`
}

// done is the answer to work.
type done struct {
	Seconds float64   `json:"seconds"` // of all commands
	Outputs []string  `json:"outputs"` // of each command
	Both    []float64 `json:"both"`    // durations in seconds for each directory, or for the same work measured in two ways
	// Parts holds the duration of each part of a workload in seconds, for each directory.
	Parts [][]float64 `json:"parts"`
}

// inside does the work and writes the answer as JSON. The start of this program is not measured.
func inside(ctx context.Context, kind string, arguments []string, out io.Writer) error {
	var answer done
	var err error
	switch kind {
	case "commands":
		var w work
		if err := json.Unmarshal([]byte(arguments[0]), &w); err != nil {
			return err
		}
		answer, err = runCommands(ctx, w)
	case "io":
		answer.Both, err = useFiles(arguments)
	case "pause":
		answer.Seconds, err = longestPause(arguments[0], arguments[1])
	case "outlive":
		answer.Seconds, err = outlive(arguments[0], arguments[1])
	case "gap":
		answer.Both, err = awayFor(arguments[0])
	case "make-files":
		err = makeFiles(arguments[0])
	case "see-files":
		err = seeFiles(arguments[0])
	default:
		answer.Parts, err = useInside(kind, arguments)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(answer)
}

// useInside runs a workload in directories. The first argument is the number of turns; the directories follow.
func useInside(workload string, arguments []string) ([][]float64, error) {
	work, known := workloads()[workload]
	if !known {
		return nil, fmt.Errorf("inside: unknown work %q", workload)
	}
	turns, err := strconv.Atoi(arguments[0])
	if err != nil {
		return nil, err
	}
	return useByTurns(work, turns, arguments[1:])
}

func runCommands(ctx context.Context, w work) (done, error) {
	outputs := make([]string, len(w.Commands))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, w.AtOnce))
	begin := time.Now()
	for i, command := range w.Commands {
		group.Go(func() error {
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			var said strings.Builder
			cmd.Stderr = &said
			text, err := cmd.Output()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(said.String()))
			}
			outputs[i] = string(text)
			return nil
		})
	}
	err := group.Wait()
	return done{Seconds: time.Since(begin).Seconds(), Outputs: outputs}, err
}

// timed runs commands on a machine, in sequence or several at once, and returns their duration there.
func timed(ctx context.Context, m *lab.Machine, atOnce int, commands ...[]string) (done, error) {
	argument, err := json.Marshal(work{Commands: commands, AtOnce: atOnce})
	if err != nil {
		return done{}, err
	}
	return onMachine(ctx, m, "commands", string(argument))
}

// onMachine starts this program on a machine.
func onMachine(ctx context.Context, m *lab.Machine, kind string, arguments ...string) (done, error) {
	self, err := os.Executable()
	if err != nil {
		return done{}, err
	}
	return answerOf(m, m.Command(ctx, self, append([]string{"inside", kind}, arguments...)...))
}

// answerOf runs a command that starts this program on a machine, and returns the answer.
func answerOf(m *lab.Machine, cmd *exec.Cmd) (done, error) {
	text, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return done{}, fmt.Errorf("on %s: %w", m.Name, err)
	}
	var answer done
	return answer, json.Unmarshal(text, &answer)
}
