package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// call runs handler behind the interceptors, and returns its response and the log.
func call(t *testing.T, verbosity int, method string, request any, handler grpc.UnaryHandler) (response any, log string, err error) {
	t.Helper()
	var out bytes.Buffer
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&out), textlogger.Verbosity(verbosity)))
	info := &grpc.UnaryServerInfo{FullMethod: method}
	response, err = logCalls(logger)(t.Context(), request, info, func(ctx context.Context, request any) (any, error) {
		return recoverPanics(ctx, request, info, func(ctx context.Context, request any) (any, error) {
			return mapErrors(ctx, request, info, handler)
		})
	})
	return response, out.String(), err
}

func answers(response any, err error) grpc.UnaryHandler {
	return func(context.Context, any) (any, error) { return response, err }
}

func TestPanicBecomesInternal(t *testing.T) {
	response, log, err := call(t, 0, csi.Node_NodeStageVolume_FullMethodName, &csi.NodeStageVolumeRequest{VolumeId: "v1"},
		func(context.Context, any) (any, error) { panic("index out of reason") })
	if response != nil || status.Code(err) != codes.Internal {
		t.Errorf("%v, %v", response, err)
	}
	if strings.Contains(err.Error(), "index out") {
		t.Errorf("%v shows the caller internal details", err)
	}
	for _, part := range []string{"index out of reason", "interceptors_test.go", `code="Internal"`, "v1"} {
		if !strings.Contains(log, part) {
			t.Errorf("the log does not say %q:\n%s", part, log)
		}
	}
}

func TestCallLog(t *testing.T) {
	create, probe := csi.Controller_CreateVolume_FullMethodName, csi.Identity_Probe_FullMethodName
	stats := csi.Node_NodeGetVolumeStats_FullMethodName
	request := &csi.CreateVolumeRequest{Name: "pvc-1", Secrets: map[string]string{"key": "topsecret"}}
	tests := []struct {
		name      string
		verbosity int
		method    string
		handler   grpc.UnaryHandler
		says      []string
		silent    bool
	}{
		{name: "a change", method: create, handler: answers(&csi.CreateVolumeResponse{}, nil),
			says: []string{"Call succeeded", create, "call=1", "duration=", `code="OK"`, "pvc-1"}},
		{name: "a failure", method: create, handler: answers(nil, volume.Invalid("name", "x", "must be y")),
			says: []string{"Call failed", `code="InvalidArgument"`, "must be y", "pvc-1"}},
		{name: "a probe", method: probe, handler: answers(nil, nil), silent: true},
		{name: "statistics", method: stats, handler: answers(nil, nil), silent: true},
		{name: "a probe, debugging", method: probe, verbosity: 5, handler: answers(nil, nil), says: []string{"Call begins", "Call succeeded"}},
		{name: "a failed probe", method: probe, handler: answers(nil, errors.New("no")), says: []string{"Call failed", `code="Internal"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, log, _ := call(t, tt.verbosity, tt.method, request, tt.handler)
			for _, part := range tt.says {
				if !strings.Contains(log, part) {
					t.Errorf("the log does not say %q:\n%s", part, log)
				}
			}
			if tt.silent && log != "" {
				t.Errorf("logged:\n%s", log)
			}
			if strings.Contains(log, "topsecret") {
				t.Errorf("the log has the secret:\n%s", log)
			}
		})
	}
}

func TestJSONLogHasTheRequestAndNotTheSecret(t *testing.T) {
	var out bytes.Buffer
	logger := logr.FromSlogHandler(slog.NewJSONHandler(&out, nil))
	request := &csi.CreateVolumeRequest{Name: "pvc-1", Secrets: map[string]string{"key": "topsecret"}}
	_, err := logCalls(logger)(t.Context(), request, &grpc.UnaryServerInfo{FullMethod: "m"}, answers(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	var line struct {
		Method  string         `json:"method"`
		Call    int            `json:"call"`
		Request map[string]any `json:"request"`
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	if line.Method != "m" || line.Call != 1 || line.Request["name"] != "pvc-1" || strings.Contains(out.String(), "topsecret") {
		t.Errorf("%s", out.Bytes())
	}
}

func TestHandlerLogsWithTheCall(t *testing.T) {
	_, log, err := call(t, 0, "m", nil, func(ctx context.Context, _ any) (any, error) {
		klog.FromContext(ctx).Info("Inside")
		return nil, nil //nolint:nilnil // no answer is needed
	})
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(log, "\n"); !strings.Contains(first, `"Inside"`) || !strings.Contains(first, "call=1") {
		t.Errorf("logged:\n%s", log)
	}
}

// TestBound: a call without a deadline gets one; a call with a deadline keeps it.
func TestBound(t *testing.T) {
	for _, tt := range []struct {
		method string
		caller time.Duration // 0: no deadline
		want   time.Duration
	}{
		{csi.Controller_CreateVolume_FullMethodName, 0, 10 * time.Minute},
		{csi.Controller_ControllerExpandVolume_FullMethodName, 0, 10 * time.Minute},
		{csi.Controller_ListVolumes_FullMethodName, 0, 5 * time.Minute},
		{csi.Node_NodeStageVolume_FullMethodName, 0, 5 * time.Minute},
		{csi.Node_NodeStageVolume_FullMethodName, time.Second, time.Second},
		{csi.Controller_CreateVolume_FullMethodName, time.Hour, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, began := t.Context(), time.Now()
			if tt.caller > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.caller)
				defer cancel()
			}
			info := &grpc.UnaryServerInfo{FullMethod: tt.method}
			_, err := mapErrors(ctx, nil, info, func(ctx context.Context, request any) (any, error) {
				return bound(ctx, request, info, func(ctx context.Context, _ any) (any, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				})
			})
			if took := time.Since(began); status.Code(err) != codes.DeadlineExceeded || took != tt.want {
				t.Errorf("%s with %s: %v after %s, want %s", tt.method, tt.caller, err, took, tt.want)
			}
		})
	}
}

// TestHostileText: all text from servers and users reaches events and health as a line of limited length, with printable
// characters only.
func TestHostileText(t *testing.T) {
	hostile := "\x1b]0;x\x07\x1b[2J\r\nI1128 all is well\u202e\u200b\xff\a" + strings.Repeat("very long ", 100_000)
	_, _, err := call(t, 0, csi.Controller_CreateVolume_FullMethodName, &csi.CreateVolumeRequest{},
		answers(nil, fmt.Errorf("%w: %s", volume.ErrUnavailable, hostile)))
	_, _, own := call(t, 0, csi.Controller_CreateVolume_FullMethodName, &csi.CreateVolumeRequest{}, answers(nil, status.Error(codes.Aborted, hostile)))
	health := describeHealth("id", []volume.Condition{{Severity: volume.Degraded, Reason: "x", Message: hostile}})
	server := &controllerServer{provisioner: &fakeProvisioner{volume: volume.Volume{Name: hostile}}}
	validated, validateErr := server.ValidateVolumeCapabilities(t.Context(), &csi.ValidateVolumeCapabilitiesRequest{
		VolumeId: anyHandle, VolumeContext: map[string]string{"volume": "x"}, VolumeCapabilities: []*csi.VolumeCapability{{}},
	})
	if validateErr != nil {
		t.Fatal(validateErr)
	}
	for name, text := range map[string]string{
		"an error": status.Convert(err).Message(), "a status": status.Convert(own).Message(),
		"health": health.GetHealthStatuses()[0].GetMessage(), "a comparison": validated.GetMessage(),
	} {
		if !strings.Contains(text, "all is well") || plain.Line(text, longestMessage) != text {
			t.Errorf("%s: %d bytes: %.200q", name, len(text), text)
		}
	}
	if status.Code(err) != codes.Unavailable || status.Code(own) != codes.Aborted {
		t.Errorf("the codes become %s and %s", status.Code(err), status.Code(own))
	}
}

// TestEventsHidePorts: the caller of a failed mount gets the same message for every server, and the log has the reason.
func TestEventsHidePorts(t *testing.T) {
	stage := csi.Node_NodeStageVolume_FullMethodName
	said := map[string]bool{}
	for _, reason := range []string{"connection refused", "no answer", "the name does not resolve"} {
		unreachable := &mount.UnreachableError{Port: 6379, Servers: []string{"10.0.0.1"}, Reasons: []string{reason}}
		_, log, err := call(t, 0, stage, &csi.NodeStageVolumeRequest{}, answers(nil, fmt.Errorf("staging volume v: %w", unreachable)))
		if said[status.Convert(err).Message()] = true; strings.Contains(err.Error(), reason) || !strings.Contains(log, reason) {
			t.Errorf("the caller is told %v, the log has\n%s", err, log)
		}
	}
	_, log, err := call(t, 0, stage, &csi.NodeStageVolumeRequest{},
		answers(nil, fmt.Errorf("x: %w", mount.Conceal(fmt.Errorf("%w: it breaks off", mount.ErrUnavailable), []string{"10.0.0.1"}, 6379))))
	if said[status.Convert(err).Message()] = true; len(said) != 1 || !strings.Contains(log, "it breaks off") || status.Code(err) != codes.Unavailable {
		t.Errorf("%v, %s, and in the log\n%s", said, status.Code(err), log)
	}
}
