package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
)

// Model tracks what callers know from the driver's answers, and what must therefore be true. Callers report each call before and
// after it. The model records contradictions as violations. The time of a report is its number.
type Model struct {
	mu         sync.Mutex
	now        int
	names      map[string]*nameState
	ids        map[string]*idState // by Heketi id
	violations []string
}

// nameState holds the known facts about a CSI name.
type nameState struct {
	sizes   map[int]bool // every requested size in GiB, by create or expand
	rivals  int          // creates that were sent with an unusual size
	creates int          // creates in flight
	created int          // when the last create began
}

// idState holds the known facts about a volume that a create has returned.
type idState struct {
	name     string
	returned int // when a create first returned it
	deleting int // when a delete was first sent; 0 means never
	deleted  int // when a delete first succeeded; 0 means never
	atLeast  int // the largest acknowledged size in GiB
}

// Call is a call in flight.
type Call struct {
	name  string
	id    string // "" for a create
	began int
	floor int // idState.atLeast when the call began
}

func newModel() *Model {
	return &Model{names: map[string]*nameState{}, ids: map[string]*idState{}}
}

func (m *Model) tick() int {
	m.now++
	return m.now
}

func (m *Model) name(name string) *nameState {
	if m.names[name] == nil {
		m.names[name] = &nameState{sizes: map[int]bool{}}
	}
	return m.names[name]
}

func (m *Model) violate(format string, args ...any) {
	m.violations = append(m.violations, fmt.Sprintf(format, args...))
}

// Violate records a violation that was found outside the model.
func (m *Model) Violate(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.violate(format, args...)
}

// Violations returns all contradictions so far.
func (m *Model) Violations() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.violations)
}

// CreateBegins must be called before a create is sent. unusual means that its size differs from the usual one of its name.
func (m *Model) CreateBegins(name string, sizeGiB int, unusual bool) Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.name(name)
	n.sizes[sizeGiB] = true
	n.creates++
	if unusual {
		n.rivals++
	}
	n.created = m.tick()
	return Call{name: name, began: n.created}
}

// alive returns the volume that a create of the name returned and for which no delete was sent, or "" if there is none.
func (m *Model) alive(name string) string {
	for _, id := range sortedKeys(m.ids) {
		if s := m.ids[id]; s.name == name && s.deleting == 0 {
			return id
		}
	}
	return ""
}

// CreateSucceeds records a create's answer. The size may be older than an expand that was acknowledged meanwhile: a create that
// joins an earlier create gets the answer of the earlier one.
func (m *Model) CreateSucceeds(c Call, id string, askedGiB int, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, now := m.name(c.name), m.tick()
	n.creates--
	if other := m.alive(c.name); other != "" && other != id {
		m.violate("create of %s returned %s, but it had returned %s before, for which no delete was sent", c.name, id, other)
	}
	s := m.ids[id]
	if s == nil {
		s = &idState{name: c.name, returned: now}
		m.ids[id] = s
	}
	if s.name != c.name {
		m.violate("create of %s returned %s, which is the volume of %s", c.name, id, s.name)
	}
	if s.deleted != 0 && s.deleted < c.began {
		m.violate("create of %s returned %s, whose delete had succeeded before the create was sent", c.name, id)
	}
	m.checkSize(n, "create of "+c.name, askedGiB, bytes)
	s.atLeast = max(s.atLeast, int(bytes/gib))
}

// checkSize compares the size in an answer with the sizes that this call and all calls have requested.
func (m *Model) checkSize(n *nameState, what string, askedGiB int, bytes int64) {
	if bytes < int64(askedGiB)*gib {
		m.violate("%s for %d GiB returned a size of %d bytes", what, askedGiB, bytes)
	}
	if bytes%gib != 0 || !n.sizes[int(bytes/gib)] {
		m.violate("%s returned a size of %d bytes, but only %v GiB were ever requested", what, bytes, sortedKeys(n.sizes))
	}
}

// CreateFails records a create's error.
func (m *Model) CreateFails(c Call, code codes.Code, expected ...codes.Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.name(c.name)
	n.creates--
	m.tick()
	if code == codes.AlreadyExists && n.rivals > 0 {
		return
	}
	m.checkCode("create of "+c.name, code, expected...)
}

// checkCode accepts codes that ask for a repetition, and the expected ones.
func (m *Model) checkCode(what string, code codes.Code, expected ...codes.Code) {
	expected = append(expected, codes.Aborted, codes.Unavailable, codes.DeadlineExceeded)
	if !slices.Contains(expected, code) {
		m.violate("%s was answered with %s, which this plan does not allow", what, code)
	}
}

// IsLast reports whether a create that has ended was the last one of its name, and none is in flight.
func (m *Model) IsLast(c Call) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.name(c.name)
	return n.creates == 0 && n.created == c.began
}

// DeleteBegins must be called before a delete is sent.
func (m *Model) DeleteBegins(id string) Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := Call{id: id, began: m.tick()}
	if s := m.ids[id]; s != nil {
		c.name = s.name
		if s.deleting == 0 {
			s.deleting = c.began
		}
	}
	return c
}

// DeleteEnds records a delete's answer.
func (m *Model) DeleteEnds(c Call, code codes.Code, expected ...codes.Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	if code != codes.OK {
		m.checkCode("delete of "+c.id, code, expected...)
		return
	}
	if s := m.ids[c.id]; s != nil && s.deleted == 0 {
		s.deleted = now
	}
}

// ExpandBegins must be called before an expand is sent.
func (m *Model) ExpandBegins(id string, sizeGiB int) Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.ids[id]
	m.name(s.name).sizes[sizeGiB] = true
	return Call{name: s.name, id: id, began: m.tick(), floor: s.atLeast}
}

// ExpandEnds records an expand's answer.
func (m *Model) ExpandEnds(c Call, code codes.Code, askedGiB int, bytes int64, expected ...codes.Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick()
	s := m.ids[c.id]
	if code != codes.OK {
		if code != codes.NotFound || s.deleting == 0 {
			m.checkCode("expand of "+c.id, code, expected...)
		}
		return
	}
	m.checkSize(m.name(c.name), "expand of "+c.id, max(askedGiB, c.floor), bytes)
	s.atLeast = max(s.atLeast, int(bytes/gib))
}

// ReadBegins must be called before a query about a volume is sent.
func (m *Model) ReadBegins(id string) Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Call{id: id, began: m.tick()}
}

// ReadEnds records the query's answer.
func (m *Model) ReadEnds(c Call, what string, code codes.Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick()
	s := m.ids[c.id]
	switch {
	case code == codes.NotFound && s.deleting == 0:
		m.violate("%s does not find %s, for which no delete was sent", what, c.id)
	case code == codes.OK && s.deleted != 0 && s.deleted < c.began:
		m.violate("%s finds %s, whose delete had succeeded before it was asked", what, c.id)
	case code != codes.OK && code != codes.NotFound:
		m.checkCode(what+" of "+c.id, code)
	}
}

// ListEnds records a complete list: ids and their sizes in bytes.
func (m *Model) ListEnds(c Call, listed map[string]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tick()
	for _, id := range sortedKeys(m.ids) {
		s := m.ids[id]
		bytes, ok := listed[id]
		switch {
		case !ok && s.returned < c.began && s.deleting == 0:
			m.violate("list lacks %s, for which no delete was sent", id)
		case ok && s.deleted != 0 && s.deleted < c.began:
			m.violate("list has %s, whose delete had succeeded before it was asked", id)
		case ok && (bytes%gib != 0 || !m.names[s.name].sizes[int(bytes/gib)]):
			m.violate("list says %d bytes of %s, but only %v GiB were ever requested", bytes, id, sortedKeys(m.names[s.name].sizes))
		}
	}
}

// Latest returns the volume that was last returned for a name, or "" if there is none.
func (m *Model) Latest(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	latest, returned := "", 0
	for id, s := range m.ids {
		if s.name == name && s.returned > returned {
			latest, returned = id, s.returned
		}
	}
	return latest
}

// Untouched reports whether a volume was returned and no delete of it was sent.
func (m *Model) Untouched(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.ids[id]
	return s != nil && s.deleting == 0
}

// CheckTruth compares everything with Heketi's database once nothing is in progress any more.
func (m *Model) CheckTruth(truth Truth, foreign map[string]Recorded) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := maps.Clone(foreign)
	for _, id := range sortedKeys(foreign) {
		if found, ok := truth.Volumes[id]; !ok || !found.Same(foreign[id]) {
			m.violate("the foreign volume %s (%s) was touched: it was %+v, and is %+v", id, foreign[id].Name, foreign[id], found)
		}
	}
	for _, name := range sortedKeys(m.names) {
		ids := truth.Of(name)
		if len(ids) > 1 {
			m.violate("the name %s has %d volumes in Heketi: %s", name, len(ids), strings.Join(ids, ", "))
		}
		for _, id := range ids {
			known[id] = truth.Volumes[id]
			m.checkRecorded(name, id, truth.Volumes[id])
		}
	}
	for _, id := range sortedKeys(truth.Volumes) {
		if _, ok := known[id]; !ok {
			m.violate("Heketi has volume %s (%s), which was not requested", id, truth.Volumes[id].Name)
		}
	}
	for _, id := range sortedKeys(m.ids) {
		s := m.ids[id]
		_, there := truth.Volumes[id]
		switch {
		case there && s.deleted != 0:
			m.violate("volume %s of %s is still there, although its delete has succeeded", id, s.name)
		case !there && s.deleting == 0:
			m.violate("volume %s of %s is lost: a create has returned it, and no delete of it was sent", id, s.name)
		}
	}
	m.checkGroups(truth)
}

func (m *Model) checkRecorded(name, id string, v Recorded) {
	if v.Pending != "" {
		m.violate("volume %s of %s is still pending", id, name)
	}
	if !m.names[name].sizes[v.SizeGiB] {
		m.violate("volume %s of %s has %d GiB, but only %v were ever requested", id, name, v.SizeGiB, sortedKeys(m.names[name].sizes))
	}
	if v.DataKiB != uint64(v.SizeGiB)<<20 {
		m.violate("volume %s of %s has %d GiB by Heketi's record, but bricks for %d KiB", id, name, v.SizeGiB, v.DataKiB)
	}
	if s := m.ids[id]; s != nil && v.SizeGiB < s.atLeast {
		m.violate("volume %s of %s has %d GiB, after %d GiB had been acknowledged", id, name, v.SizeGiB, s.atLeast)
	}
}

func (m *Model) checkGroups(truth Truth) {
	owner := map[int64]string{}
	for _, id := range sortedKeys(truth.Volumes) {
		gid := truth.Volumes[id].GID
		if other := owner[gid]; gid > 0 && other != "" {
			m.violate("volumes %s and %s have the same group id %d", other, id, gid)
		}
		owner[gid] = id
	}
}
