package heketitest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Fault replaces or changes the answer to requests.
type Fault struct {
	Prefix string // of method and path, such as "POST /volumes"
	Times  int    // how often; 0: until it is lifted

	Status int    // answer with this status, and do not carry the request out
	Body   string // with Status
	Drop   bool   // close the connection without an answer, and do not carry the request out; the default if no other field is set
	After  bool   // with Drop: carry the request out first

	Late    <-chan struct{} // carry the request out, and delay the answer until this channel is closed
	Held    <-chan struct{} // close the connection without an answer, and carry the request out when this channel is closed
	Carried chan<- struct{} // with Late or Held: gets a value when the request was carried out; may be nil

	used   int
	lifted bool
}

// Inject adds a fault. The returned function lift removes it.
func (s *Server) Inject(f Fault) (lift func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := &f
	s.faults = append(s.faults, fault)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		fault.lifted = true
	}
}

func (s *Server) fault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := r.Method + " " + r.URL.Path
	s.requests = append(s.requests, line)
	for _, f := range s.faults {
		if !f.lifted && strings.HasPrefix(line, f.Prefix) && (f.Times == 0 || f.used < f.Times) {
			f.used++
			return f
		}
	}
	return nil
}

// faulty applies the first fault that matches a request. Without one, it only carries the request out.
func (s *Server) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.fault(r)
		switch {
		case f == nil:
			next.ServeHTTP(w, r)
		case f.Status != 0:
			http.Error(w, f.Body, f.Status)
		case f.Late != nil:
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			if f.Carried != nil {
				f.Carried <- struct{}{}
			}
			<-f.Late
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		case f.Held != nil:
			// The context of a request ends with the connection, so the request is carried out with a context that is not cancelled.
			body, _ := io.ReadAll(r.Body)
			late := r.Clone(context.WithoutCancel(r.Context()))
			late.Body = io.NopCloser(bytes.NewReader(body))
			go func() {
				<-f.Held
				next.ServeHTTP(httptest.NewRecorder(), late)
				if f.Carried != nil {
					f.Carried <- struct{}{}
				}
			}()
			panic(http.ErrAbortHandler)
		default:
			if f.After {
				next.ServeHTTP(httptest.NewRecorder(), r)
			}
			panic(http.ErrAbortHandler)
		}
	})
}
