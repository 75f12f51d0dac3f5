package gluster

import (
	"io"
	"net/http"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// mostReason bounds the text of a probe's answer, which the kubelet copies into events.
const mostReason = 800

// newServer returns the server that answers probes. /healthz reports only that this process works, whatever the state of
// glusterd: a failed liveness probe would end the bricks, which serve clients even without glusterd.
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
