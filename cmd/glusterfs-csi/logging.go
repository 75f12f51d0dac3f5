package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

const (
	formatText = "text"
	formatJSON = "json"
)

type loggingOptions struct {
	format    string
	verbosity int
}

func (o loggingOptions) check() error {
	if o.format != formatText && o.format != formatJSON {
		return fmt.Errorf("--logging-format=%s: write %s or %s", o.format, formatText, formatJSON)
	}
	if o.verbosity < 0 {
		return fmt.Errorf("--v=%d: write a number from 0 up", o.verbosity)
	}
	return nil
}

func (o loggingOptions) newLogger(w io.Writer) klog.Logger {
	w = plain.Writer(w) // servers' texts are logged as well
	if o.format == formatJSON {
		return logr.FromSlogHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{
			Level:       slog.Level(-o.verbosity), // logr's V(n) is slog's level -n
			ReplaceAttr: plainLevel,
		}))
	}
	return textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w), textlogger.Verbosity(o.verbosity)))
}

// plainLevel writes info and error instead of levels such as DEBUG+3, which slog makes of V(1).
func plainLevel(_ []string, attribute slog.Attr) slog.Attr {
	level, ok := attribute.Value.Any().(slog.Level)
	if attribute.Key != slog.LevelKey || !ok {
		return attribute
	}
	return slog.String(slog.LevelKey, strings.ToLower(max(level, slog.LevelInfo).String()))
}
