package tables

import "time"

// Pace limits how often an action is carried out. The first actions may follow at once.
type Pace struct {
	next time.Time // when the next action would be due if all actions had kept the interval
}

// Admit returns how long the next action must wait. If that is 0, the action is counted.
func (p *Pace) Admit(now time.Time, burst int, interval time.Duration) time.Duration {
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
