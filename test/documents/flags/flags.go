// Package flags formats the flags of a program's commands as a document.
package flags

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// Of returns a section for each command that runs something, with a table of its flags.
func Of(root *cobra.Command) string {
	var text strings.Builder
	describe(&text, root)
	return text.String()
}

func describe(text *strings.Builder, cmd *cobra.Command) {
	if cmd.Hidden {
		return
	}
	if !cmd.HasSubCommands() {
		section(text, cmd)
	}
	for _, sub := range cmd.Commands() {
		describe(text, sub)
	}
}

func section(text *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(text, "### %s\n\n%s.\n\n", cmd.CommandPath(), strings.TrimSuffix(cmd.Short, "."))
	if arguments := strings.TrimPrefix(cmd.Use, cmd.Name()); arguments != "" {
		fmt.Fprintf(text, "Arguments: `%s`\n\n", strings.TrimSpace(arguments))
	}
	var rows []string
	add := func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" {
			rows = append(rows, row(f))
		}
	}
	cmd.InheritedFlags().VisitAll(add)
	cmd.LocalFlags().VisitAll(add)
	if len(rows) == 0 {
		text.WriteString("It has no flags.\n\n")
		return
	}
	fmt.Fprintf(text, "| flag | default | meaning |\n|---|---|---|\n%s\n\n", strings.Join(rows, "\n"))
}

func row(f *pflag.Flag) string {
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if kind != "" {
		name += " " + kind
	}
	value := ""
	if f.DefValue != "" && f.DefValue != "[]" {
		value = "`" + documents.Cell(f.DefValue) + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s |", documents.Cell(name), value, documents.Cell(usage))
}
