package e2e

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// apiProxy is a proxy between a command and the API server. It counts requests, and can end the command at one of them.
type apiProxy struct {
	kubeconfig string // for the command

	mu       sync.Mutex
	requests int
	cutAt    int    // the number of the request at which cut is called; 0 is none
	served   bool   // the API server has carried out that request
	cut      func() // ends the command
}

// newAPIProxy starts a proxy, which is stopped when the test ends.
func newAPIProxy(t *testing.T) *apiProxy {
	t.Helper()
	client, err := cluster.HTTPClient()
	ok(t, err)
	listener, err := cluster.Lab().Listen(t.Context())
	ok(t, err)
	p := &apiProxy{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	server, err := url.Parse(cluster.APIServerURL())
	ok(t, err)
	forward := httputil.NewSingleHostReverseProxy(server)
	forward.Transport = client.Transport
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(forward, w, r) })} //nolint:gosec // on a loopback interface
	t.Cleanup(func() {
		ok(t, proxy.Close())
		client.CloseIdleConnections()
	})
	go func() { _ = proxy.Serve(listener) }()
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: proxy, cluster: {server: "http://%s"}}]
contexts: [{name: proxy, context: {cluster: proxy, user: proxy}}]
users: [{name: proxy, user: {}}]
current-context: proxy
`, listener.Addr())
	ok(t, os.WriteFile(p.kubeconfig, []byte(config), 0o600))
	return p
}

func (p *apiProxy) serve(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	cuts := p.requests == p.cutAt
	cut, served := p.cut, p.served
	p.mu.Unlock()
	if !cuts {
		forward.ServeHTTP(w, r)
		return
	}
	if served {
		forward.ServeHTTP(discard{http.Header{}}, r)
	}
	cut()
	panic(http.ErrAbortHandler)
}

// reset restarts the count and sets the request at which the command is ended.
func (p *apiProxy) reset(cutAt int, served bool, cut func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.cutAt, p.served, p.cut = 0, cutAt, served, cut
}

func (p *apiProxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// discard is a ResponseWriter that drops the response.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
