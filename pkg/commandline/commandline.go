// Package commandline contains the common parts of the programs' command lines: signals, errors in one line, exit codes, and the
// command version. A program calls Main with its own function run, and ends the process with the exit code that Main returns. The
// function run adds the program's commands to the command of NewRoot, calls Execute, and passes an error of Execute to Report.
package commandline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// Main calls run with the process's arguments and output, and returns the exit code of run. SIGTERM and SIGINT cancel the context.
func Main(run func(ctx context.Context, args []string, stdout, stderr io.Writer) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// UsageError is returned for a mistake in the command line.
type UsageError struct{ error }

// Unwrap returns the mistake.
func (e UsageError) Unwrap() error { return e.error }

// Usage marks an error as a mistake in the command line.
func Usage(err error) error { return UsageError{err} }

// NewRoot returns the root command of a program, with the command version. The root command itself runs nothing: if no subcommand
// is given, it fails with an error that begins with the text in the parameter "missing".
func NewRoot(name, short, missing, version string) *cobra.Command {
	root := &cobra.Command{
		Use:           name,
		Short:         short,
		SilenceErrors: true, // Report prints errors, in one line
		SilenceUsage:  true,
		Args:          NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Usage(fmt.Errorf("%s (%s --help lists the commands)", missing, cmd.CommandPath()))
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return Usage(fmt.Errorf("%w (%s --help lists the flags)", err, cmd.CommandPath()))
	})
	root.AddCommand(&cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s (%s, %s/%s)\n", name, Version(version), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	})
	return root
}

// NoArguments refuses positional arguments.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usage(fmt.Errorf("unexpected argument %q (%s --help lists the arguments)", args[0], cmd.CommandPath()))
	}
	return nil
}

// Version returns the version of the release. If there is none, it returns the version that the Go tool has recorded in the
// binary.
func Version(release string) string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}

// Execute runs the command that args name, and returns this command.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) (*cobra.Command, error) {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContextC(ctx)
}

// longestError suffices for every mistake in a configuration file or a topology.
const longestError = 16 << 10

// Report prints the error of a command in one line: if a container does not start, an administrator sees only this line. It
// returns the exit code, 2 for a mistake in the command line and 1 otherwise.
func Report(stderr io.Writer, command *cobra.Command, err error) (code int) {
	fmt.Fprintf(stderr, "%s: %s\n", command.CommandPath(), plain.Line(err.Error(), longestError))
	if errors.As(err, new(UsageError)) {
		return 2
	}
	return 1
}
