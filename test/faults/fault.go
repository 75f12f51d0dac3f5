package faults

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is something that happens to a request on its way to Heketi and back.
type Fault string

// The faults. What is held is held for a bounded time.
const (
	NoFault      Fault = ""
	DropRequest  Fault = "drop-request"  // never forwarded, connection reset
	DropResponse Fault = "drop-response" // carried out, connection reset
	HalfBody     Fault = "half-body"     // carried out, connection reset in the middle of the answer
	Hang         Fault = "hang"          // held, never forwarded, connection reset
	Delay        Fault = "delay"         // held, then forwarded: later requests overtake it
	SlowAnswer   Fault = "slow-answer"   // carried out, the answer held
	Duplicate    Fault = "duplicate"     // carried out twice; the first or the second answer comes back
	Throttled    Fault = "throttled"     // 429, not forwarded
	Unavailable  Fault = "unavailable"   // 503 of a gateway, not forwarded
	TimedOut     Fault = "timed-out"     // carried out, and 504 of a gateway
	Garbage      Fault = "garbage"       // some status with a page of a gateway, not forwarded
	// Late is a request that is carried out after the driver has given up on it: connection reset, then forwarded after
	// up to longestLate, whoever has died meanwhile.
	Late Fault = "late"
)

// longestLate is much shorter than lateRequests, because a busy machine delays what is due.
const (
	longestLate  = 1200 * time.Millisecond
	lateRequests = 3 * time.Second // --late-requests of the driver
)

func everyFault() []Fault {
	return []Fault{DropRequest, DropResponse, HalfBody, Hang, Delay, SlowAnswer, Duplicate, Throttled, Unavailable, TimedOut, Garbage, Late}
}

// Class is a kind of request; each has its own sequence of faults.
type Class string

// The classes.
const (
	ClassCreate   Class = "create"
	ClassDelete   Class = "delete"
	ClassExpand   Class = "expand"
	ClassPoll     Class = "poll"
	ClassVolume   Class = "volume"
	ClassDump     Class = "dump"
	ClassClusters Class = "clusters"
	ClassPending  Class = "pending" // asking for operations
	ClassOther    Class = "other"
)

func everyClass() []Class {
	return []Class{ClassCreate, ClassDelete, ClassExpand, ClassPoll, ClassVolume, ClassDump, ClassClusters, ClassPending, ClassOther}
}

func classOf(method, path string) Class {
	switch {
	case method == http.MethodPost && path == "/volumes":
		return ClassCreate
	case method == http.MethodPost && strings.HasSuffix(path, "/expand"):
		return ClassExpand
	case method == http.MethodDelete && strings.HasPrefix(path, "/volumes/"):
		return ClassDelete
	case strings.HasPrefix(path, queuePath):
		return ClassPoll
	case strings.HasPrefix(path, "/volumes/"):
		return ClassVolume
	case path == "/db/dump":
		return ClassDump
	case path == "/clusters":
		return ClassClusters
	case method == http.MethodGet && strings.HasPrefix(path, "/operations/"):
		return ClassPending
	}
	return ClassOther
}

// Rate is how often a fault happens to the requests of a class, 0 to 1.
type Rate struct {
	Fault Fault
	Share float64
}

// happening is what happens to one request.
type happening struct {
	fault   Fault
	hold    time.Duration // for those that hold
	variant int           // for those that come in several kinds
}

// lateness is when a late request is carried out.
func (h happening) lateness() time.Duration {
	return longestLate * time.Duration(h.variant) / (1 << 16)
}

// stream decides what happens to the n-th request of each class, in whatever order the classes come.
type stream struct {
	mu    sync.Mutex
	rates map[Class][]Rate
	dice  map[Class]*rand.Rand
}

func newStream(seed uint64, rates map[Class][]Rate) *stream {
	s := &stream{rates: rates, dice: map[Class]*rand.Rand{}}
	for i, class := range everyClass() {
		s.dice[class] = rand.New(rand.NewPCG(seed, uint64(i)+1))
	}
	return s
}

func (s *stream) next(class Class) happening {
	if s == nil {
		return happening{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	dice := s.dice[class]
	// Always as many throws, so that the n-th request does not depend on what happened to those before.
	point, hold, variant := dice.Float64(), time.Duration(1+dice.IntN(200))*time.Millisecond, dice.IntN(1<<16)
	for _, rate := range s.rates[class] {
		if point < rate.Share {
			return happening{fault: rate.Fault, hold: hold, variant: variant}
		}
		point -= rate.Share
	}
	return happening{variant: variant}
}
