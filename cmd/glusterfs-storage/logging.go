package main

import (
	"context"
	"io"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
)

// withLogger returns a context whose logger writes to w as the flags say.
func withLogger(ctx context.Context, o logging.Options, w io.Writer) context.Context {
	logger := o.NewLogger(w)
	klog.SetLoggerWithOptions(logger, klog.ContextualLogger(true)) // for libraries that log without a context
	return klog.NewContext(ctx, logger)
}
