// Livenessprobe-stand-in follows the documentation of livenessprobe, for tests of the chart: it answers /healthz with the
// driver's answer to CSI's Probe. It has only those flags of the sidecar that the chart sets. The sidecar itself is not among the
// tools, so its own code is not tested.
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

// probeTimeout is the sidecar's default time limit for one Probe, since v2.17.
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
