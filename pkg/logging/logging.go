// Package logging has the log flags that the programs of this module share, and makes the programs' logger, which replaces
// characters that cannot be printed. Call Register before the flags are parsed, then Check, then Install. If a component finds the
// same problem again and again, a LastText tells it whether the problem was already logged.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// The formats of logs.
const (
	Text = "text"
	JSON = "json"
)

// Options holds the values of the flags.
type Options struct {
	Format    string
	Verbosity int
}

// Register adds the flags.
func (o *Options) Register(flags *pflag.FlagSet) {
	flags.IntVarP(&o.Verbosity, "v", "v", 0, "level of the logs: 0 for normal operation, 5 for debugging")
	flags.StringVar(&o.Format, "logging-format", Text, "format of the logs: text or json")
}

// Check returns an error for an invalid value, with the allowed values.
func (o *Options) Check() error {
	if o.Format != Text && o.Format != JSON {
		return fmt.Errorf("--logging-format=%s: write %s or %s", o.Format, Text, JSON)
	}
	if o.Verbosity < 0 {
		return fmt.Errorf("--v=%d: write a number from 0 up", o.Verbosity)
	}
	return nil
}

// NewLogger returns a logger that writes to w.
func (o *Options) NewLogger(w io.Writer) klog.Logger {
	w = plain.Writer(w) // texts from servers are logged as well
	if o.Format == JSON {
		return logr.FromSlogHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{
			Level:       slog.Level(-o.Verbosity), // logr's V(n) is slog's level -n
			ReplaceAttr: plainLevel,
		}))
	}
	return textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w), textlogger.Verbosity(o.Verbosity)))
}

// Install returns a logger that writes to w, and makes libraries that log without a context use it.
func (o *Options) Install(w io.Writer) klog.Logger {
	logger := o.NewLogger(w)
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true))
	return logger
}

// plainLevel writes each level as info or error. slog would write V(1) as DEBUG+3.
func plainLevel(_ []string, attribute slog.Attr) slog.Attr {
	level, ok := attribute.Value.Any().(slog.Level)
	if attribute.Key != slog.LevelKey || !ok {
		return attribute
	}
	return slog.String(slog.LevelKey, strings.ToLower(max(level, slog.LevelInfo).String()))
}
