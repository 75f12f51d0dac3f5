// Livenessprobe-stand-in does what the documentation of livenessprobe says of it, for tests of the chart: it answers
// /healthz with what the driver answers to CSI's Probe. It knows those flags of the sidecar's that the chart writes, and no
// others. It is not the sidecar, which is not among the tools: what only the sidecar's own code does is not tested
// with it.
package main

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/kubernetes-csi/csi-lib-utils/connection"
	"github.com/kubernetes-csi/csi-lib-utils/rpc"
	"google.golang.org/grpc"
	logs "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/klog/v2"
)

// probeTimeout is the sidecar's default for one Probe, since v2.17.
const probeTimeout = 3 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx)
	stop()
	if err != nil {
		klog.ErrorS(err, "The probe ends")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func run(ctx context.Context) error {
	address := flag.String("csi-address", "/run/csi/socket", "the driver's socket")
	endpoint := flag.String("http-endpoint", ":9808", "where /healthz is served")
	logging := logs.NewLoggingConfiguration()
	logs.AddGoFlags(logging, flag.CommandLine)
	flag.Parse()
	if err := logs.ValidateAndApply(logging, nil); err != nil {
		return err
	}
	conn, err := connection.ConnectWithoutMetrics(ctx, *address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := probe(r.Context(), conn); err != nil {
			klog.ErrorS(err, "The driver is not well")
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte("ok"))
	})
	server := &http.Server{Addr: *endpoint, Handler: mux, ReadHeaderTimeout: probeTimeout}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func probe(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	ready, err := rpc.Probe(ctx, conn)
	if err == nil && !ready {
		err = errors.New("the driver is not ready")
	}
	return err
}
