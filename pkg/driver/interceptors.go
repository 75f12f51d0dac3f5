package driver

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// logCalls adds a logger with the call's method and number to the context, and logs each call once, when it ends.
func logCalls(logger klog.Logger) grpc.UnaryServerInterceptor {
	var calls atomic.Uint64
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		logger := logger.WithValues("method", info.FullMethod, "call", calls.Add(1))
		logger.V(5).Info("Call begins", "request", sanitized{request})
		start := time.Now()
		response, err := handler(klog.NewContext(ctx, logger), request)

		values := []any{"code", status.Code(err).String(), "duration", time.Since(start).String(), "request", sanitized{request}}
		switch {
		case err != nil:
			logger.Info("Call failed", append(values, "error", status.Convert(err).Message())...)
		case chatty(info.FullMethod):
			logger.V(5).Info("Call succeeded", values...)
		default:
			logger.Info("Call succeeded", values...)
			logger.V(5).Info("Call answered", "response", sanitized{response})
		}
		return response, err
	}
}

// chatty reports whether a call is one that probes and the kubelet repeat all the time.
func chatty(method string) bool {
	switch method {
	case csi.Identity_Probe_FullMethodName, csi.Identity_GetPluginInfo_FullMethodName, csi.Identity_GetPluginCapabilities_FullMethodName,
		csi.Controller_ControllerGetCapabilities_FullMethodName, csi.Node_NodeGetCapabilities_FullMethodName,
		csi.Node_NodeGetInfo_FullMethodName, csi.Node_NodeGetVolumeStats_FullMethodName:
		return true
	}
	return false
}

// recoverPanics turns a panic of a handler into INTERNAL. It runs inside the interceptors for logging and metrics, so that both
// record the call.
func recoverPanics(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if p := recover(); p != nil {
			klog.FromContext(ctx).Error(fmt.Errorf("panic: %v", p), "Call panicked", "stack", string(debug.Stack()))
			response, err = nil, status.Error(codes.Internal, "the driver failed on this call; its log has the reason")
		}
	}()
	return handler(ctx, request)
}

// longestMessage is the maximum length of an error message. Kubernetes cuts the message of an event after 1,024 bytes.
const longestMessage = 2048

// presentable returns a message that may leave the driver. The original may quote a user's input, such as a URL with a password,
// or any text from a server.
func presentable(message string) string { return plain.Line(withoutPasswords(message), longestMessage) }

// publicError is an error that contains more than its caller may see. Callers copy error messages into events, which many users
// may read.
type publicError interface {
	error
	Public() string
}

// mapErrors gives every error its code, and a message that may be published.
func mapErrors(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	response, err := handler(ctx, request)
	if err == nil {
		return response, nil
	}
	answer := status.Convert(toStatus(err)).Proto()
	if e, ok := errors.AsType[publicError](err); ok {
		klog.FromContext(ctx).Info("The caller is not told the whole reason of a failure", "reason", err.Error())
		answer.Message = e.Public()
	}
	answer.Message = presentable(answer.GetMessage())
	return nil, status.ErrorProto(answer)
}

// bound gives a deadline to calls whose caller has set none. Sidecars and the kubelet always set one, but a handler must not wait
// for ever if a caller sets none. As after any deadline, an operation of the backend continues when its call has ended.
func bound(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultLimit(info.FullMethod))
		defer cancel()
	}
	return handler(ctx, request)
}

// defaultLimit returns the time limit of a call without a deadline: twice the sidecars' timeout in the chart (5 min) for calls
// that change volumes, and more than twice the kubelet's own limit (2 min) for all others.
func defaultLimit(method string) time.Duration {
	switch method {
	case csi.Controller_CreateVolume_FullMethodName, csi.Controller_DeleteVolume_FullMethodName, csi.Controller_ControllerExpandVolume_FullMethodName:
		return 10 * time.Minute
	}
	return 5 * time.Minute
}
