package gluster

import (
	"io"
	"net/http"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// mostReason bounds what a probe's answer says; the kubelet puts it into events.
const mostReason = 800

// newServer answers probes. /healthz says that this process works, and nothing about glusterd: a liveness probe that fails would end
// the bricks, which serve without it.
func newServer(ready, serving *readiness) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", ready.serve)
	mux.HandleFunc("GET /servez", serving.serve)
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
}

func (r *readiness) serve(w http.ResponseWriter, request *http.Request) {
	if err := r.probe(request.Context()); err != nil {
		http.Error(w, plain.Line(err.Error(), mostReason), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}
