package metrics

import (
	"context"
	"net"
	"net/http"
	"time"

	"k8s.io/klog/v2"
)

// healthLimit is the time limit of a check. The kubelet gives a probe one second by default.
const healthLimit = time.Second

// ServeHealth answers GET /healthz on listener until ctx is done, and closes listener. The answer is 200 if check returns nil, and
// 500 with the error if not. The context of check ends after a second. The function check must examine only this process: after a
// 500 the kubelet restarts the process, and a restart heals nothing else.
func ServeHealth(ctx context.Context, listener net.Listener, check func(context.Context) error) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		limited, cancel := context.WithTimeout(ctx, healthLimit)
		defer cancel()
		if err := check(limited); err != nil {
			klog.FromContext(ctx).Error(err, "The health check failed")
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return serve(ctx, listener, mux)
}
