// Package kubetest is an HTTPS server for tests that answers some requests like a Kubernetes API server. It returns the list of
// PersistentVolumes in pages, lists of other kinds without pages, and single objects. It accepts watches of PersistentVolumes, in
// which nothing changes. It records patches, creates and deletes, but does not carry them out. It checks the token only when
// PersistentVolumes are listed. It does not check the content of a request, except that a create fails if AddObject has added an
// object with the same name.
package kubetest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
)

const path = "/api/v1/persistentvolumes"

// Server is the fake. All its methods may be called while it serves.
type Server struct {
	http *httptest.Server

	mu       sync.Mutex
	pageSize int
	pvs      []json.RawMessage
	failures []failure
	pages    int
	largest  int
	watches  int
	patched  []string
	requests int
	dryRuns  []string
	writes   []string
	lists    map[string]list // of other kinds, by path
	objects  map[string]json.RawMessage
}

// list is a list of objects of another kind than PersistentVolume.
type list struct {
	kind    string
	objects []json.RawMessage
}

type failure struct {
	code            int
	reason, message string
}

// New starts a server with at most pageSize PersistentVolumes per page, fewer than a client asks for, so that a few objects make
// several pages. It stops with the test.
func New(tb testing.TB, pageSize int) *Server {
	tb.Helper()
	s := &Server{pageSize: pageSize, lists: map[string]list{}, objects: map[string]json.RawMessage{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, s.get)
	mux.HandleFunc("PATCH "+path+"/{name}", s.patch)
	mux.HandleFunc("GET /", s.other)
	mux.HandleFunc("POST /", s.write)
	mux.HandleFunc("PATCH /", s.write)
	mux.HandleFunc("DELETE /", s.write)
	s.http = httptest.NewUnstartedServer(mux)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // tests include clients that do not trust the server
	s.http.StartTLS()
	tb.Cleanup(s.http.Close)
	return s
}

// Add adds PersistentVolumes, given as JSON, to the list.
func (s *Server) Add(pvs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pv := range pvs {
		s.pvs = append(s.pvs, json.RawMessage(pv))
	}
}

// AddOther adds a list of another kind at the path, with objects as JSON.
func (s *Server) AddOther(path, kind string, objects ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := list{kind: kind, objects: []json.RawMessage{}}
	for _, object := range objects {
		l.objects = append(l.objects, json.RawMessage(object))
	}
	s.lists[path] = l
}

// AddObject adds an object, as JSON, at its path.
func (s *Server) AddObject(path, object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = json.RawMessage(object)
}

// Fail makes one later request for a page of PersistentVolumes fail: the first call of Fail concerns the next request, and so on.
// With code 0 the request is answered as usual.
func (s *Server) Fail(code int, reason, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, failure{code, reason, message})
}

// Pages returns how many requests for a page of PersistentVolumes were made.
func (s *Server) Pages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pages
}

// LargestPage returns how many PersistentVolumes were in the largest response.
func (s *Server) LargestPage() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.largest
}

// Watches returns how many watches were begun.
func (s *Server) Watches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches
}

// Patched returns the names of the patched PersistentVolumes, in the order of the requests. Requests with dryRun=All are left out.
func (s *Server) Patched() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.patched)
}

// Requests returns how many requests there were, without watches of PersistentVolumes.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Writes returns the methods and paths of requests that create, change or delete, in their order. dryRuns are the requests with
// dryRun=All. others are the remaining requests, without patches of PersistentVolumes.
func (s *Server) Writes() (dryRuns, others []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dryRuns), slices.Clone(s.writes)
}

// Close stops the server before the test ends, so that its address does not answer.
func (s *Server) Close() { s.http.Close() }

const token = "a-ServiceAccount's-token" // #nosec G101 -- of this server only

// Kubeconfig writes a kubeconfig file for the server, and beside it the certificate, to which the kubeconfig file refers by a
// relative path.
func (s *Server) Kubeconfig(tb testing.TB) string {
	tb.Helper()
	return s.KubeconfigWithToken(tb, token)
}

// KubeconfigWithToken is like Kubeconfig, with another token.
func (s *Server) KubeconfigWithToken(tb testing.TB, token string) string {
	tb.Helper()
	dir := tb.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
	config := fmt.Sprintf(`{"kind": "Config", "apiVersion": "v1", "current-context": "c",
		"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
		"clusters": [{"name": "c", "cluster": {"server": %q, "certificate-authority": "ca.crt"}}],
		"users": [{"name": "u", "user": {"token": %q}}]}`, s.http.URL, token)
	for name, content := range map[string][]byte{"ca.crt": authority, "config": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return filepath.Join(dir, "config")
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") == "true" {
		if r.URL.Query().Get("sendInitialEvents") != "" { // like servers that cannot list in a watch
			refuse(w, failure{http.StatusUnprocessableEntity, "Invalid", "sendInitialEvents: Forbidden"})
			return
		}
		s.mu.Lock()
		s.watches++
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	s.list(w, r)
}

func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if slices.Contains(r.URL.Query()["dryRun"], "All") {
		s.dryRuns = append(s.dryRuns, r.Method+" "+r.URL.Path)
	} else {
		s.patched = append(s.patched, r.PathValue("name"))
	}
	answer(w, http.StatusOK, map[string]any{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": map[string]any{"name": r.PathValue("name")}})
}

// write answers a request that creates, changes or deletes an object. It refuses a create with the name of an object from AddObject.
func (s *Server) write(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	var body struct {
		DryRun   []string `json:"dryRun"` // of a deletion
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	content, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(content, &body)
	if line := r.Method + " " + r.URL.Path; slices.Contains(append(body.DryRun, r.URL.Query()["dryRun"]...), "All") {
		s.dryRuns = append(s.dryRuns, line)
	} else {
		s.writes = append(s.writes, line)
	}
	if _, exists := s.objects[r.URL.Path+"/"+body.Metadata.Name]; exists && r.Method == http.MethodPost {
		refuse(w, failure{http.StatusConflict, "AlreadyExists", "an object of this name exists"})
		return
	}
	if made := (map[string]any{}); r.Method == http.MethodPost && json.Unmarshal(content, &made) == nil {
		answer(w, http.StatusCreated, made)
		return
	}
	answer(w, http.StatusOK, map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Success"})
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.pages++
	if r.Header.Get("Authorization") != "Bearer "+token {
		refuse(w, failure{http.StatusUnauthorized, "Unauthorized", "Unauthorized"})
		return
	}
	if len(s.failures) > 0 {
		next := s.failures[0]
		s.failures = s.failures[1:]
		if next.code != 0 {
			refuse(w, next)
			return
		}
	}
	begin, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil { // the request has no limit
		limit = len(s.pvs)
	}
	end := min(begin+min(limit, s.pageSize), len(s.pvs))
	s.largest = max(s.largest, end-begin)
	metadata := map[string]any{"resourceVersion": "7"}
	if end < len(s.pvs) {
		metadata["continue"] = strconv.Itoa(end)
	}
	answer(w, http.StatusOK, map[string]any{"kind": "PersistentVolumeList", "apiVersion": "v1", "metadata": metadata, "items": s.pvs[begin:end]})
}

func (s *Server) other(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if object, ok := s.objects[r.URL.Path]; ok {
		answer(w, http.StatusOK, object)
		return
	}
	l, ok := s.lists[r.URL.Path]
	if !ok {
		refuse(w, failure{http.StatusNotFound, "NotFound", "the server could not find the requested resource"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"kind": l.kind + "List", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "7"}, "items": l.objects})
}

func refuse(w http.ResponseWriter, f failure) {
	answer(w, f.code, map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure",
		"code": f.code, "reason": f.reason, "message": f.message,
	})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}
