package tables

import "time"

// Pace bounds how often something is done: the first times follow at once.
type Pace struct {
	next time.Time // when the next one would be due if all came at the interval
}

// Take returns how long the next time has to wait. It counts it if that is 0.
func (p *Pace) Take(now time.Time, burst int, interval time.Duration) time.Duration {
	next := now
	if p.next.After(now) {
		next = p.next
	}
	if wait := next.Sub(now) - time.Duration(burst-1)*interval; wait > 0 {
		return wait
	}
	p.next = next.Add(interval)
	return 0
}
