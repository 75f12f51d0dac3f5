package tables

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Continues reports whether t and an earlier table (the parameter then) are of the same mount namespace. The namespace's number alone
// does not show this: the kernel reuses the numbers of namespaces, processes and mounts, even from one container to the next.
func (t Table) Continues(then Table) bool {
	switch {
	case t.Namespace != then.Namespace:
		return false
	case t.PID == then.PID:
		return t.Start == then.Start
	case t.Namespace == 0:
		return false
	}
	if pidfd, err := then.Open(); err == nil { // both processes are in the namespace
		_ = unix.Close(pidfd)
		return true
	}
	if t.Pod != then.Pod {
		return false
	}
	type place struct {
		id, parent int
		point      string
	}
	places := make(map[place]bool, len(then.Mounts))
	for _, m := range then.Mounts {
		places[place{m.ID, m.Parent, m.Point}] = true
	}
	return slices.ContainsFunc(t.Mounts, func(m Mount) bool { return places[place{m.ID, m.Parent, m.Point}] })
}
