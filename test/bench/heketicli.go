package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// cliJobs is how many heketi-cli processes run at a time: Heketi refuses more.
const cliJobs = 8

// heketiCLI creates and removes volumes as an administrator does.
type heketiCLI struct {
	command []string // to which a subcommand is appended
	run     func(ctx context.Context, atOnce int, commands ...[]string) (done, error)
}

func newHeketiCLI(path, url string) heketiCLI {
	return heketiCLI{
		command: []string{path, "--server=" + url, "--user=" + lab.HeketiUser, "--secret=" + lab.HeketiKey},
		run: func(ctx context.Context, atOnce int, commands ...[]string) (done, error) {
			return runCommands(ctx, work{Commands: commands, AtOnce: atOnce})
		},
	}
}

// heketiCLI returns the lab's heketi-cli, on the hub.
func (b *bench) heketiCLI() heketiCLI {
	cli := newHeketiCLI(b.lab.Heketi().CLIPath, b.lab.Heketi().URL)
	cli.run = func(ctx context.Context, atOnce int, commands ...[]string) (done, error) {
		return timed(ctx, b.lab.Hub(), atOnce, commands...)
	}
	return cli
}

func (c heketiCLI) with(args ...string) []string { return slices.Concat(c.command, args) }

// create creates volumes like those of bench.create, and returns their Heketi ids. Like those, and like the in-tree plugin's,
// they have a group id, for which Heketi runs two more commands on each node.
func (c heketiCLI) create(ctx context.Context, names ...string) (seconds float64, ids []string, err error) {
	commands := make([][]string, 0, len(names))
	for _, name := range names {
		commands = append(commands, c.with("volume", "create", "--size=1", "--durability=replicate", "--replica=3", "--gid=2000", "--name="+name, "--json"))
	}
	answer, err := c.run(ctx, cliJobs, commands...)
	if err != nil {
		return 0, nil, err
	}
	for _, text := range answer.Outputs {
		var made struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == "" {
			return 0, nil, fmt.Errorf("heketi-cli says %q: %w", text, err)
		}
		ids = append(ids, made.ID)
	}
	return answer.Seconds, ids, nil
}

func (c heketiCLI) remove(ctx context.Context, ids []string) (seconds float64, err error) {
	commands := make([][]string, 0, len(ids))
	for _, id := range ids {
		commands = append(commands, c.with("volume", "delete", id))
	}
	answer, err := c.run(ctx, cliJobs, commands...)
	return answer.Seconds, err
}
