package tables

import (
	"fmt"
	"os"
)

// A container may make any number of mounts and namespaces. That must neither exhaust this process's memory nor keep other
// containers from being repaired. Each limit is for one volume.
const (
	mostMounts     = 1000      // per mount namespace
	mostText       = 256 << 10 // bytes of their lines
	mostOnNode     = 16        // factor for the namespaces of this process and the node, which have the mounts of all pods
	mostServices   = 4         // factor for processes outside pods: the node's services have the mounts of all pods, too
	mostNamespaces = 64        // per pod
	mostPodMounts  = 2000
	mostPodText    = 512 << 10
	mostTables     = 512 // for all pods
)

// limits returns how many mounts of one volume are kept from a table, and how many bytes of its lines.
func (t Table) limits() (mounts, bytes int) {
	if t.isNode() {
		return mostOnNode * mostMounts, mostOnNode * mostText
	}
	return mostMounts, mostText
}

func (t Table) isNode() bool { return t.PID == 1 || t.PID == os.Getpid() }

// mostBytesOf returns how many bytes of a process's table are read.
func mostBytesOf(pid int) int {
	if (Table{PID: pid}).isNode() {
		return 4 * mostBytes
	}
	return mostBytes
}

// LeftOutBecause describes the mounts and namespaces that a table lacks because they are too many. It returns "" if the table is
// complete.
func (t Table) LeftOutBecause() string {
	switch {
	case t.LeftOut > 0 && t.Others > 0:
		return fmt.Sprintf("%d mounts and %d more mount namespaces are beyond the limit", t.LeftOut, t.Others)
	case t.LeftOut > 0:
		return fmt.Sprintf("%d mounts here are beyond the limit", t.LeftOut)
	case t.Others > 0:
		return fmt.Sprintf("%d more mount namespaces are beyond the limit", t.Others)
	}
	return ""
}

// bounded collects tables of a volume up to the limits.
type bounded struct {
	tables  []Table
	pods    map[string]*share
	leftOut map[int]int // how many tables had no room, by the position of the table whose Others counts them
}

// share is the room that a pod has used.
type share struct {
	first                    int // position of its first table
	namespaces, mounts, text int
}

// add adds a table. If there is no room, it instead counts the table in Others of the pod's first table, or of the first table of
// all if the pod has none. If a scan has set Others, the number may already include the table: only a larger number replaces it.
func (b *bounded) add(t Table) (taken bool) {
	has := b.pods[t.Pod]
	if has == nil {
		has = &share{first: len(b.tables)}
	}
	times := 1
	if t.Pod == "" {
		times = mostServices
	}
	text := textOf(t.Mounts)
	full := has.namespaces == times*mostNamespaces || has.mounts+len(t.Mounts) > times*mostPodMounts || has.text+text > times*mostPodText
	if has.namespaces > 0 && full && !t.isNode() || len(b.tables) == mostTables {
		if has.namespaces == 0 {
			has.first = 0
		}
		if b.leftOut == nil {
			b.leftOut = map[int]int{}
		}
		b.leftOut[has.first]++
		b.tables[has.first].Others = max(b.tables[has.first].Others, b.leftOut[has.first])
		return false
	}
	if b.pods == nil {
		b.pods = map[string]*share{}
	}
	b.tables = append(b.tables, t)
	b.pods[t.Pod] = has
	if !t.isNode() {
		has.namespaces, has.mounts, has.text = has.namespaces+1, has.mounts+len(t.Mounts), has.text+text
	}
	return true
}

func textOf(mounts []Mount) (bytes int) {
	for _, m := range mounts {
		bytes += len(m.FSType) + len(m.Source) + len(m.Root) + len(m.Point) + len(m.Options) + len(m.Propagation)
	}
	return bytes
}

// Bounded returns the first tables of a volume for which there is room. If the tables are from several scans, Others is a lower
// bound: a namespace that is left out again is not counted again.
func Bounded(tables []Table) []Table {
	var b bounded
	for _, t := range tables {
		b.add(t)
	}
	return b.tables
}
