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
	FreeGiB   int  // total capacity: the maximum of the sum of all volume sizes
	BlockOnly bool // refuses file volumes
	Hosts     []string
}

// NewCluster returns a cluster of three hosts with a lot of free space.
func NewCluster() Cluster {
	return Cluster{ID: newID(), FreeGiB: 1 << 20, Hosts: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}}
}

// Server is the fake Heketi. All its methods may be called while it serves.
type Server struct {
	URL string

	http *httptest.Server

	mu         sync.Mutex
	key        string
	limit      int
	clusters   []*Cluster
	volumes    map[string]*record
	operations map[string]*operation // operations in the database
	queue      map[string]*operation // operations that can be polled
	held       bool
	unrecorded int
	opError    string
	faults     []*Fault
	requests   []string
}

type record struct {
	info    api.VolumeInfo
	bricks  []api.BrickInfo
	pending string // id of the operation that makes or removes the volume; Heketi does not mark a volume that it expands
}

type operation struct {
	id      string
	kind    kind
	volume  string
	bricks  []api.BrickInfo // of an expand
	newSize int             // of an expand; computed at its start, as in Heketi, so that one of two overlapping expands is lost
	status  string          // as in the database: "", "stale", "failed"
	done    bool
	err     string
}

// kind is the type of an operation as /operations/pending names it.
type kind string

const (
	create  kind = "create-volume"
	remove  kind = "delete-volume"
	expand  kind = "expand-volume"
	cleanup kind = "" // a clean-up is not recorded as an operation
)

// New starts a server that stops with the test.
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

// SetKey changes the admin key, like a restart of Heketi with another configuration.
func (s *Server) SetKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// SetLimit sets how many operations may be in flight before the server answers 429.
func (s *Server) SetLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
}

// Hold keeps operations from ending until Release is called.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

// Release lets the held operations end, and later ones end at once.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	s.endAll()
}

// FailOperations makes operations end with an error; "" makes them succeed again.
func (s *Server) FailOperations(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opError = text
}

// Restart forgets the queue; unfinished operations become stale and never end.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = map[string]*operation{}
	for _, op := range s.operations {
		op.status = "stale"
	}
}

// Clean treats stale and failed operations like Heketi's cleaner: a create or expand is undone, a delete is finished.
func (s *Server) Clean() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.operations {
		s.clean(id)
	}
}

func (s *Server) clean(id string) {
	op := s.operations[id]
	if op == nil || op.status == "" {
		return
	}
	delete(s.operations, id)
	if op.kind == expand {
		s.removeBricks(op)
		return
	}
	delete(s.volumes, op.volume)
}

func (s *Server) removeBricks(op *operation) {
	v := s.volumes[op.volume]
	v.bricks = slices.DeleteFunc(v.bricks, func(b api.BrickInfo) bool { return slices.Contains(op.bricks, b) })
}

// Strand marks every running operation as one that has failed and that Heketi could not undo.
func (s *Server) Strand(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.operations {
		op.status, op.done, op.err = "failed", true, text
	}
}

// Expand enlarges a volume, like an administrator with heketi-cli, and does not wait.
func (s *Server) Expand(id string, deltaGiB int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expand(s.volumes[id], deltaGiB)
}

// Size returns the size of a volume in GiB.
func (s *Server) Size(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.volumes[id].info.Size
}

// SetSize records a size that differs from the size of the bricks, as after two overlapping expands.
func (s *Server) SetSize(id string, gib int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.volumes[id].info.Size = gib
}

// Bricks returns the number of a volume's bricks, including pending ones.
func (s *Server) Bricks(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.volumes[id].bricks)
}

// GIDs returns the group ids of all volumes, including pending ones, sorted.
func (s *Server) GIDs() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	gids := make([]int64, 0, len(s.volumes))
	for _, v := range s.volumes {
		gids = append(gids, v.info.Gid)
	}
	slices.Sort(gids)
	return gids
}

// EmptyDatabase removes everything, like a Heketi that starts without its database.
func (s *Server) EmptyDatabase() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clusters = nil
	s.volumes, s.operations, s.queue = map[string]*record{}, map[string]*operation{}, map[string]*operation{}
}

// ReplaceDatabase removes everything and adds other clusters, like a Heketi that starts with another Heketi's database.
func (s *Server) ReplaceDatabase(clusters ...Cluster) {
	s.EmptyDatabase()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range clusters {
		s.clusters = append(s.clusters, &c)
	}
}

// AddVolumeOf records a complete foreign volume of 2 GiB with a group id, and returns its id.
func (s *Server) AddVolumeOf(gid int64, name, cluster string) string {
	id := s.AddVolume(name, cluster, false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.volumes[id].info.Gid = gid
	return id
}

// AddVolume records a complete foreign volume of 2 GiB and two bricks, and returns its id; block marks a volume that hosts block
// volumes.
func (s *Server) AddVolume(name, cluster string, block bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &record{bricks: []api.BrickInfo{{Id: newID(), Size: kibPerGiB}, {Id: newID(), Size: kibPerGiB}}}
	v.info.Name, v.info.Size, v.info.Block = name, 2, block
	v.info.Id, v.info.Cluster = newID(), cluster
	s.volumes[v.info.Id] = v
	return v.info.Id
}

// VolumeNames returns the names of all volumes, including pending ones, sorted.
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

// Pending returns the number of operations that have not ended.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.operations)
}

// Unread returns the number of operations whose result was not fetched.
func (s *Server) Unread() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// Requests returns the number of requests so far that begin with prefix, such as "POST /volumes".
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
	switch {
	case op.kind == expand && op.err != "":
		s.removeBricks(op)
	case op.kind == expand:
		s.volumes[op.volume].info.Size = op.newSize
	case (op.kind == remove) == (op.err == ""): // deleted, or never made
		delete(s.volumes, op.volume)
	default:
		s.volumes[op.volume].pending = ""
	}
}
