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

// ledger keeps account of the operations that the driver has begun and knows to be accepted. The driver has to follow
// each to its end, and must not begin a second one of the same kind on the same volume meanwhile.
type ledger struct {
	mu       sync.Mutex
	epoch    int               // how often everything was forgotten
	begun    map[string]int    // requests on the way, by what they are for
	open     map[string]string // accepted operations by queue path, and what they are for
	overlaps []string
}

func newLedger() *ledger {
	return &ledger{begun: map[string]int{}, open: map[string]string{}}
}

// purpose says what a request is for, "" if it does not change anything.
func purpose(r *http.Request, body []byte) string {
	switch classOf(r.Method, r.URL.Path) { //nolint:exhaustive // the others change nothing
	case ClassCreate:
		var request struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(body, &request) // Heketi says what is wrong with it
		return "create " + request.Name
	case ClassDelete, ClassExpand:
		return strings.ToLower(r.Method) + " " + r.URL.Path
	}
	return ""
}

// begins is called before a request is carried out. The epoch is for accepted.
func (l *ledger) begins(what string) (epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if what == "" {
		return l.epoch
	}
	following := slices.Contains(slices.Collect(maps.Values(l.open)), what)
	if l.begun[what] > 0 || following {
		l.overlaps = append(l.overlaps, fmt.Sprintf("the driver sent a second %q before it knew the end of the first", what))
	}
	l.begun[what]++
	return l.epoch
}

func (l *ledger) ends(epoch int, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if what == "" || epoch != l.epoch {
		return
	}
	l.begun[what] = max(l.begun[what]-1, 0)
}

// accepted is called when the driver is about to hear that its request was. A driver that was killed since the request began,
// or whose connections were cut off, hears nothing.
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

// heard is called when the driver is about to hear something final about an operation, be it true or not.
func (l *ledger) heard(queue string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, queue)
}

// forget is for kills: whoever knew of the operations is gone.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	clear(l.open)
	clear(l.begun)
}

// unfollowed are the operations of which the driver does not know the end yet.
func (l *ledger) unfollowed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Values(l.open))
}

// takeOverlaps returns and forgets what was found.
func (l *ledger) takeOverlaps() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.overlaps
	l.overlaps = nil
	return found
}
