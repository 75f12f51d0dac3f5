package faults

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const queuePath = "/queue/"

// ledger tracks the operations that the driver has begun and whose acceptance it has received. The driver has to follow each to
// its end, and must not begin a second one of the same kind on the same volume meanwhile.
type ledger struct {
	mu       sync.Mutex
	epoch    int               // how often the ledger was emptied; a request has the epoch in which its server began to listen
	begun    map[string]int    // requests in flight, by purpose
	open     map[string]string // purpose of accepted operations, by queue path
	overlaps []string
}

func newLedger() *ledger {
	return &ledger{begun: map[string]int{}, open: map[string]string{}}
}

// purpose returns the purpose of a request, or "" if the request does not change anything.
func purpose(r *http.Request, body []byte) string {
	switch classOf(r.Method, r.URL.Path) { //nolint:exhaustive // the others change nothing
	case ClassCreate:
		var request struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(body, &request) // Heketi reports errors in it
		return "create " + request.Name
	case ClassDelete, ClassExpand:
		return strings.ToLower(r.Method) + " " + r.URL.Path
	}
	return ""
}

// current returns the epoch of requests that arrive from now on.
func (l *ledger) current() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}

// begins is called before a request is carried out. Like the other methods, it ignores a request of an earlier epoch: the driver
// has lost its connection, and may send the request again.
func (l *ledger) begins(epoch int, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if what == "" || epoch != l.epoch {
		return
	}
	following := slices.Contains(slices.Collect(maps.Values(l.open)), what)
	if l.begun[what] > 0 || following {
		l.overlaps = append(l.overlaps, fmt.Sprintf("the driver sent a second %q before it knew the end of the first", what))
	}
	l.begun[what]++
}

func (l *ledger) ends(epoch int, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if what == "" || epoch != l.epoch {
		return
	}
	l.begun[what] = max(l.begun[what]-1, 0)
}

// accepted is called when the driver is about to receive the acceptance of its request.
func (l *ledger) accepted(epoch int, what, queue string) {
	if what == "" || queue == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch == l.epoch {
		l.open[queue] = what
	}
}

// heard is called when the driver is about to receive a final answer about an operation, true or not.
func (l *ledger) heard(queue string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, queue)
}

// forget is called when all connections have been cut: answers were lost without the proxy's knowledge.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	clear(l.open)
	clear(l.begun)
}

// unfollowed returns the operations whose end the driver has not received yet.
func (l *ledger) unfollowed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Values(l.open))
}

// takeOverlaps returns the overlaps that were found, and empties the list.
func (l *ledger) takeOverlaps() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.overlaps
	l.overlaps = nil
	return found
}
