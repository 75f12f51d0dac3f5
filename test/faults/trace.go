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

// Trace is what happened in a schedule, for a person who looks for the reason of a failure. A nil one keeps nothing.
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

// String is all lines.
func (t *Trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// calls is the number of answered calls.
func (t *Trace) calls() int { return strings.Count(t.String(), " -> ") }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
