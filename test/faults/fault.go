package faults

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is a disturbance of a request on its way to Heketi or of the answer on its way back.
type Fault string

// The faults. Held requests and answers are held for a bounded time.
const (
	NoFault      Fault = ""
	DropRequest  Fault = "drop-request"  // never forwarded, connection reset
	DropResponse Fault = "drop-response" // carried out, connection reset
	HalfBody     Fault = "half-body"     // carried out, connection reset in the middle of the answer
	Hang         Fault = "hang"          // held, never forwarded, connection reset
	Delay        Fault = "delay"         // held, then forwarded: later requests overtake it
	SlowAnswer   Fault = "slow-answer"   // carried out, the answer is held
	Duplicate    Fault = "duplicate"     // carried out twice; the first or the second answer comes back
	Throttled    Fault = "throttled"     // 429, not forwarded
	Unavailable  Fault = "unavailable"   // a gateway's 503, not forwarded
	TimedOut     Fault = "timed-out"     // carried out, answered with a gateway's 504
	Garbage      Fault = "garbage"       // some status with a gateway's page, not forwarded
	// Late is a request that is carried out after the driver has given up on it: the connection is reset, and the request is
	// forwarded after up to longestLate, even if the driver has been killed meanwhile.
	Late Fault = "late"
)

// longestLate is much shorter than lateRequests, because a busy machine adds delays.
const (
	longestLate  = 1200 * time.Millisecond
	lateRequests = 3 * time.Second // the driver's --late-requests
)

func everyFault() []Fault {
	return []Fault{DropRequest, DropResponse, HalfBody, Hang, Delay, SlowAnswer, Duplicate, Throttled, Unavailable, TimedOut, Garbage, Late}
}

// Class is a kind of request; each has a separate sequence of faults.
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
	ClassPending  Class = "pending" // queries of operations
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

// Rate is the frequency of a fault among the requests of a class, from 0 to 1.
type Rate struct {
	Fault Fault
	Share float64
}

// happening is the fault of one request.
type happening struct {
	fault   Fault
	hold    time.Duration // for faults that hold
	variant int           // for faults that have several kinds
}

// lateness returns when a late request is carried out.
func (h happening) lateness() time.Duration {
	return longestLate * time.Duration(h.variant) / (1 << 16)
}

// stream decides the fault of the n-th request of each class, independently of the order in which the classes come.
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
	// The number of random values is constant, so that the n-th request does not depend on the faults of those before.
	point, hold, variant := dice.Float64(), time.Duration(1+dice.IntN(200))*time.Millisecond, dice.IntN(1<<16)
	for _, rate := range s.rates[class] {
		if point < rate.Share {
			return happening{fault: rate.Fault, hold: hold, variant: variant}
		}
		point -= rate.Share
	}
	return happening{variant: variant}
}
