// Package storagetest helps to test the Jobs of glusterfs-storage. With Points, a test can kill a Job at any point of its work.
// The package also provides a fake Secret. Heketi runs the real Heketi server with a mock executor; the caller supplies the
// binary, for example from lab.BuildHeketi.
package storagetest

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ErrKilled is returned for each request of a killed Job.
var ErrKilled = errors.New("the Job was killed")

const dead = "dead" // the point after a Job's end

// Points are the points of a run: one before and one after each kind of step.
type Points struct {
	mu    sync.Mutex
	point string // where the run is killed; "": nowhere
	kill  func()
	seen  []string
}

// Begin begins a run. When the run reaches the point, the function kill is called. If point is "", the run is not killed.
func (p *Points) Begin(point string, kill func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.point, p.kill, p.seen = point, kill, nil
}

// OnKill adds a function that is also called when the run is killed.
func (p *Points) OnKill(more func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.kill
	p.kill = func() { first(); more() }
}

// Seen returns the points of the run so far, each once, in order.
func (p *Points) Seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// At is called at each point of a run. It returns false at the point where the run is killed, and at all later points.
func (p *Points) At(point string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.point == point {
		p.point = dead
		p.kill()
	}
	if p.point == dead {
		return false
	}
	if !slices.Contains(p.seen, point) {
		p.seen = append(p.seen, point)
	}
	return true
}

// Proxy stands in front of a Heketi, and adds a point before and after each kind of request. If the function refuse
// returns a text, Proxy answers the request with this text as an error. The function notice gets the answers of Heketi.
func (p *Points) Proxy(t *testing.T, to string, refuse func(*http.Request) string, notice func(kind string, r *http.Request, answer *httptest.ResponseRecorder)) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Error(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		kind := r.Method + " " + kindOf(r.URL.Path)
		if !p.At("before " + kind) {
			panic(http.ErrAbortHandler)
		}
		if text := refuse(r); text != "" {
			http.Error(rw, text, http.StatusInternalServerError)
			return
		}
		recorded := httptest.NewRecorder()
		forward.ServeHTTP(recorded, r)
		notice(kind, r, recorded)
		if !p.At("after " + kind) {
			panic(http.ErrAbortHandler)
		}
		maps.Copy(rw.Header(), recorded.Header())
		rw.WriteHeader(recorded.Code)
		_, _ = rw.Write(recorded.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// kindOf returns the path with its ids replaced.
func kindOf(path string) string {
	const idLength = 32
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) == idLength {
			parts[i] = "ID"
		}
	}
	return strings.Join(parts, "/")
}
