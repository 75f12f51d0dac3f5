package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// examinationFailed is the exit code if nothing could be examined. 1 and 2 stand for the worst finding.
const examinationFailed = 3

// foundError ends the program with the exit code of the worst finding, after the findings have been written.
type foundError struct{ code int }

func (e foundError) Error() string { return fmt.Sprintf("something was found (exit code %d)", e.code) }

// The output formats of findings.
const (
	formatText = "text"
	formatJSON = "json"
)

// examinationError is an error that prevented the examination, such as a wrong command line.
type examinationError struct{ error }

const exitCodes = "Exit status: 0 all is well, 1 the worst finding is a warning, 2 the worst finding is critical, 3 nothing could be examined."

// newExaminationCommand returns a command that writes findings. A wrong command line has a different exit code than a critical
// finding.
func newExaminationCommand(name, short, long string, examine func(cmd *cobra.Command) ([]report.Finding, error)) *cobra.Command {
	format := formatText
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long + "\n\n" + exitCodes,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := commandline.NoArguments(cmd, args); err != nil {
				return examinationError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != formatText && format != formatJSON {
				return examinationError{fmt.Errorf("--output=%s: write %s or %s", format, formatText, formatJSON)}
			}
			findings, err := examine(cmd)
			if err != nil {
				return examinationError{err}
			}
			write := report.WriteText
			if format == formatJSON {
				write = report.WriteJSON
			}
			if err := write(cmd.OutOrStdout(), findings); err != nil {
				return examinationError{fmt.Errorf("write the findings: %w", err)}
			}
			if code := report.ExitCode(findings); code != 0 {
				return foundError{code}
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return examinationError{fmt.Errorf("%w (%s --help lists the flags)", err, cmd.CommandPath())}
	})
	cmd.Flags().StringVar(&format, "output", formatText, "format of the output: text or json")
	return cmd
}
