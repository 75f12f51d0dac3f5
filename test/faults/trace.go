package faults

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Trace logs a schedule's events, to find the reason of a failure. A nil trace discards them.
type Trace struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

// NewTrace returns an empty trace that begins now.
func NewTrace() *Trace { return &Trace{began: time.Now()} }

// Add adds a line.
func (t *Trace) Add(who, format string, args ...any) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := time.Since(t.began).Milliseconds()
	t.lines = append(t.lines, fmt.Sprintf("%6d ms  %-10s %s", at, who, fmt.Sprintf(format, args...)))
}

// String returns all lines.
func (t *Trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// calls returns the number of answered calls.
func (t *Trace) calls() int { return strings.Count(t.String(), " -> ") }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
