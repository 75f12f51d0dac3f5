package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// profiles returns the values of the class parameter profile.
func profiles() []string {
	return []string{"general", "small-files", "large-files", "virtual-machines", "database"}
}

// delays returns the delays of each packet to and from the client's machine.
func delays() []time.Duration { return []time.Duration{0, time.Millisecond} }

// usage describes how a workload is measured with each profile, mainly with the profile of the workload's name.
type usage struct {
	workload string
	runs     int
	turns    map[time.Duration]int // by delay
	goals    map[string]goal       // of parts with another goal than noWorse; "" means the whole
	note     string
}

func noWorse() goal { return atMost(1.1) }

func smallFilesFamily() family {
	return usage{
		workload: "small-files",
		runs:     5,
		turns:    map[time.Duration]int{0: 3, time.Millisecond: 1},
		goals:    map[string]goal{"": atMost(0.85), "stat-again": atMost(0.05), "read-again": atMost(0.35)},
		note:     fmt.Sprintf("all parts; directories of %d files of %d bytes; missing-again comes right after missing, other parts after the kernel has forgotten", directory, smallFile),
	}.family()
}

func largeFilesFamily() family {
	return usage{
		workload: "large-files",
		runs:     7,
		turns:    map[time.Duration]int{0: 4, time.Millisecond: 4},
		note: fmt.Sprintf("all parts; files of %d MiB; read without the kernel's cache; change writes %d times %d KiB at random places; write and change end with fsync",
			largeFile/mib, changes, block/1024),
	}.family()
}

func (u usage) family() family {
	return family{[]string{u.workload, u.named("", time.Millisecond)}, true, u.measure}
}

// named returns the name of a row: of a part, of another profile, or of the whole with the workload's own profile.
func (u usage) named(what string, delay time.Duration) string {
	name := u.workload
	if what != "" {
		name += "-" + what
	}
	if delay > 0 {
		name += "-" + delay.String()
	}
	return name
}

// measure compares a volume of each profile with one as the in-tree plugin would have made by default, on a plain mount. Both are
// used in turns.
func (u usage) measure(ctx context.Context, b *bench) (rows []row, err error) {
	plain, ours, remove, err := b.profileMounts(ctx)
	if err != nil {
		return nil, err
	}
	node := b.lab.Node(1)
	for _, delay := range delays() {
		if err := node.Delay(ctx, delay); err != nil {
			return nil, err
		}
		measured := make([]parts, len(profiles()))
		for run := range b.runs(u.runs) {
			for i, profile := range profiles() {
				if profile != u.workload && run > 0 { // one figure is enough for a profile that is only shown for comparison
					continue
				}
				answer, err := onMachine(ctx, node, u.workload, strconv.Itoa(u.turns[delay]), ours[i], plain)
				if err != nil {
					return nil, err
				}
				measured[i].add(answer.Parts[0], answer.Parts[1])
			}
		}
		rows = append(rows, u.rows(measured, delay)...)
	}
	if err := node.Delay(ctx, 0); err != nil {
		return nil, err
	}
	return rows, remove(ctx)
}

// parts holds the figures of a workload with one profile.
type parts struct {
	whole samples
	each  []samples
}

// add adds a pair, with the seconds of each part.
func (p *parts) add(ours, baseline []float64) {
	if p.each == nil {
		p.each = make([]samples, len(ours))
	}
	p.whole.add(sum(ours), sum(baseline))
	for i := range p.each {
		p.each[i].add(ours[i], baseline[i])
	}
}

func sum(figures []float64) (total float64) {
	for _, f := range figures {
		total += f
	}
	return total
}

// rows returns the whole and each part for the profile of the workload's name, and the whole for the other profiles.
func (u usage) rows(measured []parts, delay time.Duration) []row {
	const against = "default volume, plain mount"
	var rows, others []row
	for i, profile := range profiles() {
		if profile != u.workload {
			others = append(others, newRow(u.named(profile, delay), "s", against, measured[i].whole, toCompare(), ""))
			continue
		}
		rows = append(rows, newRow(u.named("", delay), "s", against, measured[i].whole, u.goal(""), u.note))
		for p, name := range partNames(workloads()[u.workload]) {
			rows = append(rows, newRow(u.named(name, delay), "s", against, measured[i].each[p], u.goal(name), ""))
		}
	}
	return slices.Concat(rows, others)
}

func (u usage) goal(part string) goal {
	if g, ok := u.goals[part]; ok {
		return g
	}
	return noWorse()
}
