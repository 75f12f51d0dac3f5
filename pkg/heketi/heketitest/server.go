package heketitest

import (
	"crypto/rand"
	"encoding/hex"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// DefaultKey is the admin key of a new server.
const DefaultKey = "the admin key"

// Cluster is a cluster of the server.
type Cluster struct {
	ID        string
	FreeGiB   int  // room for the sum of all volume sizes
	BlockOnly bool // refuses file volumes
	Hosts     []string
}

// NewCluster returns a cluster of three hosts with much room.
func NewCluster() Cluster {
	return Cluster{ID: newID(), FreeGiB: 1 << 20, Hosts: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}}
}

// Server is the fake. All its methods may be called while it serves.
type Server struct {
	URL string

	http *httptest.Server

	mu         sync.Mutex
	key        string
	limit      int
	clusters   []*Cluster
	volumes    map[string]*record
	operations map[string]*operation // those that the database has
	queue      map[string]*operation // those whose end may be asked for
	held       bool
	opError    string
	faults     []*Fault
	requests   []string
}

type record struct {
	info    api.VolumeInfo
	pending string
}

type operation struct {
	id       string
	volume   string
	isDelete bool
	status   string // as in the database: "", "stale", "failed"
	done     bool
	err      string
}

// New starts a server; it ends with the test.
func New(tb testing.TB, clusters ...Cluster) *Server {
	tb.Helper()
	s := &Server{
		key: DefaultKey, limit: 8,
		volumes: map[string]*record{}, operations: map[string]*operation{}, queue: map[string]*operation{},
	}
	for _, c := range clusters {
		s.clusters = append(s.clusters, &c)
	}
	s.http = httptest.NewServer(s.handler())
	tb.Cleanup(s.http.Close)
	s.URL = s.http.URL
	return s
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// SetKey changes the admin key, as a restart of Heketi with another configuration does.
func (s *Server) SetKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// SetLimit changes how many operations may be in flight before the server answers 429.
func (s *Server) SetLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
}

// Hold keeps operations from ending until Release.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// Release ends the held operations, and later ones at once.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	s.endAll()
}

// FailOperations makes operations end with an error; "" ends that.
func (s *Server) FailOperations(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opError = text
}

// Restart forgets the queue; what has not ended becomes stale and never ends.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = map[string]*operation{}
	for _, op := range s.operations {
		op.status = "stale"
	}
}

// Clean does what Heketi's cleaner does with stale operations: a create is undone, a
// delete is finished.
func (s *Server) Clean() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, op := range s.operations {
		if op.status != "" {
			delete(s.volumes, op.volume)
			delete(s.operations, id)
		}
	}
}

// EmptyDatabase forgets everything, as a Heketi that starts without its database.
func (s *Server) EmptyDatabase() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clusters = nil
	s.volumes, s.operations, s.queue = map[string]*record{}, map[string]*operation{}, map[string]*operation{}
}

// AddVolume records a complete volume of 2 GiB that somebody else made, and returns its
// id; block is whether it hosts block volumes.
func (s *Server) AddVolume(name, cluster string, block bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &record{}
	v.info.Name, v.info.Size, v.info.Block = name, 2, block
	v.info.Id, v.info.Cluster = newID(), cluster
	s.volumes[v.info.Id] = v
	return v.info.Id
}

// VolumeNames are the names of all volumes, pending ones included, sorted.
func (s *Server) VolumeNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.volumes))
	for _, v := range s.volumes {
		names = append(names, v.info.Name)
	}
	slices.Sort(names)
	return names
}

// Pending is the number of operations that have not ended.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.operations)
}

// Unread is the number of operations whose end nobody has asked for.
func (s *Server) Unread() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// Requests counts the requests so far that begin with prefix, such as "POST /volumes".
func (s *Server) Requests(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func (s *Server) endAll() {
	for _, op := range s.operations {
		if op.status == "" {
			s.end(op)
		}
	}
}

func (s *Server) end(op *operation) {
	op.done, op.err = true, s.opError
	delete(s.operations, op.id)
	if op.isDelete == (op.err == "") { // deleted, or never made
		delete(s.volumes, op.volume)
		return
	}
	s.volumes[op.volume].pending = ""
}
