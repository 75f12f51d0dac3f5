package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Plan is one schedule.
type Plan struct {
	Seed     uint64
	Clusters int // of the plan's Heketi
	Names    []Name
	Callers  [][]Step
	Rates    map[Class][]Rate
	Controls []Control
}

// Name is a CSI volume name, with its usual request.
type Name struct {
	CSI        string
	SizeGiB    int
	VolumeType string
	Clusters   []int // indexes of the clusters that the class names, in its order; empty means any
}

// Step is one call of a caller.
type Step struct {
	Verb     string
	Name     int    // index in Names
	More     int    // GiB above the name's size: for an unusual create, or an expand
	Prefix   string // of the volume's name
	Pick     int    // for verbs that choose one of several things
	Deadline time.Duration
	Pause    time.Duration // before the call
}

// Control is a disturbance of the servers.
type Control struct {
	Kind string
	At   time.Duration
	For  time.Duration // how long it lasts
	Pick int
}

// The kinds of controls.
const (
	KillHeketi   = "kill-heketi"
	KillDriver   = "kill-driver"
	RefuseAll    = "refuse-connections"
	Stall        = "stall" // every request to Heketi is held
	CloseCluster = "close-cluster"
	Amnesia      = "amnesia"  // a Heketi without its database answers
	Stranger     = "stranger" // a Heketi with another database answers
	Pause        = "pause"    // Heketi is stopped for a while
	Full         = "full"     // a cluster has too few nodes for most volumes
	NoSpace      = switchNoSpace
	Slow         = switchSlow
	CreateFails  = switchCreateFails
	DestroyFails = switchDestroyFails
)

// Has reports whether the plan has a control of that kind.
func (p Plan) Has(kind string) bool {
	return slices.ContainsFunc(p.Controls, func(c Control) bool { return c.Kind == kind })
}

// Clusters returns how many clusters the schedule of a seed needs.
func Clusters(seed uint64) int { return 1 + int(seed%2) }

// NewPlan makes the schedule of a seed from verbs. A schedule has only some of the faults, but those more often: that finds more
// errors than all faults at low rates.
func NewPlan(seed uint64, verbs []Verb) Plan {
	dice := rand.New(rand.NewPCG(seed, 0x6c757374))
	p := Plan{Seed: seed, Clusters: Clusters(seed)}
	types := []string{"replicate:3", "none", "replicate:2", "disperse:2:1"}
	for i := range 1 + dice.IntN(3) {
		name := Name{CSI: fmt.Sprintf("pvc-%d-%c", seed, 'a'+i), SizeGiB: 1 + dice.IntN(4), VolumeType: types[dice.IntN(len(types))]}
		if strings.HasPrefix(name.VolumeType, "disperse:2") {
			name.SizeGiB = 2 * (1 + name.SizeGiB/2) // Heketi makes these volumes in steps of 2 GiB
		}
		name.Clusters = [][]int{nil, nil, {0}, {p.Clusters - 1, 0}}[dice.IntN(4)]
		p.Names = append(p.Names, name)
	}
	favourite := verbs[dice.IntN(len(verbs))].Name
	for range 2 + dice.IntN(3) {
		p.Callers = append(p.Callers, p.steps(dice, verbs, favourite))
	}
	// Most other calls need a volume.
	first := Step{Verb: "create", Deadline: 1500 * time.Millisecond}
	p.Callers[0] = slices.Insert(p.Callers[0], 0, first)
	p.Rates = rates(dice)
	p.Controls = controls(dice)
	return p
}

func (p Plan) steps(dice *rand.Rand, verbs []Verb, favourite string) []Step {
	weight := func(v Verb) int {
		if v.Name == favourite {
			return 4 * v.Weight
		}
		return v.Weight
	}
	total := 0
	for _, v := range verbs {
		total += weight(v)
	}
	deadlines := []int{20, 60, 150, 400, 1500} // milliseconds
	n := 2 + dice.IntN(4)
	steps := make([]Step, 0, 3*n)
	for range n {
		point := dice.IntN(total)
		verb := verbs[slices.IndexFunc(verbs, func(v Verb) bool { point -= weight(v); return point < 0 })]
		step := Step{
			Verb: verb.Name, Name: dice.IntN(len(p.Names)), Pick: dice.IntN(1 << 16),
			Deadline: time.Duration(deadlines[dice.IntN(len(deadlines))]) * time.Millisecond,
			Pause:    time.Duration(dice.IntN(80)) * time.Millisecond,
		}
		if verb.Grows || dice.IntN(8) == 0 {
			step.More = 2 * (1 + dice.IntN(3))
		}
		if dice.IntN(8) == 0 {
			step.Prefix = "other"
		}
		// external-provisioner repeats unanswered calls, so most calls are sent several times.
		for range 1 + dice.IntN(3) {
			steps = append(steps, step)
		}
	}
	return steps
}

func rates(dice *rand.Rand) map[Class][]Rate {
	rates := map[Class][]Rate{}
	if dice.IntN(8) == 0 {
		return rates
	}
	faults := everyFault()
	dice.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	faults = faults[:1+dice.IntN(4)]
	// An answer that is lost after the work was done creates the most doubt.
	lossy := dice.IntN(3) == 0
	if lossy {
		faults = []Fault{faults[0], DropResponse, TimedOut, Late}
	}
	for _, class := range everyClass() {
		most := []float64{0, .3, .7}[dice.IntN(3)]
		if lossy && mayBeLate(class) {
			most = .7
		}
		if class == ClassPoll {
			most /= 3 // one operation causes many of these requests
		}
		for _, fault := range faults {
			// If Heketi gets an expand twice, it adds the size twice, and that cannot be undone.
			doubled := class == ClassExpand && fault == Duplicate
			if most > 0 && !doubled && (fault != Late || mayBeLate(class)) {
				rates[class] = append(rates[class], Rate{fault, most / float64(len(faults))})
			}
		}
	}
	return rates
}

// mayBeLate reports whether a request of the class changes something.
func mayBeLate(class Class) bool {
	return class == ClassCreate || class == ClassDelete || class == ClassExpand
}

func controls(dice *rand.Rand) []Control {
	// The controls before a kill make it likely that operations are in progress.
	combinations := [][]string{
		{KillHeketi}, {Slow, KillHeketi}, {Slow, KillHeketi, DestroyFails},
		{KillDriver}, {Slow, KillDriver}, {Slow, KillDriver}, {KillDriver, KillDriver}, {Slow, DestroyFails, KillDriver},
		{RefuseAll}, {Stall}, {CloseCluster}, {CloseCluster}, {CloseCluster, CloseCluster}, {CloseCluster, KillDriver},
		// The driver recognizes the stranger only as long as it has not been restarted.
		{Amnesia}, {Amnesia, Slow}, {Stranger}, {Stranger, Slow}, {Slow}, {CreateFails}, {CreateFails, DestroyFails}, {DestroyFails}, {Slow, DestroyFails},
		{Pause}, {Pause, KillDriver}, {Pause, KillDriver}, {Pause, Pause}, {Slow, Pause},
		{Full}, {Full, KillDriver}, {Full, Full}, {NoSpace}, {NoSpace, DestroyFails}, {NoSpace, DestroyFails},
		nil, nil, nil,
	}
	kinds := combinations[dice.IntN(len(combinations))]
	controls := make([]Control, 0, len(kinds))
	for _, kind := range kinds {
		c := Control{Kind: kind, At: ms(dice, 400), For: 50*time.Millisecond + ms(dice, 400), Pick: dice.IntN(2)}
		switch kind {
		case Slow:
			c.At, c.For = ms(dice, 300), time.Second
		case CloseCluster, Full:
			c.At = ms(dice, 150)
		case NoSpace:
			c.At, c.For = ms(dice, 100), time.Second
		case Stall:
			c.For = 4 * time.Second // longer than any caller's deadline plus the bound for answers
		case KillHeketi, RefuseAll:
			c.For = ms(dice, 150)
		case KillDriver:
			c.For = ms(dice, 60)
		}
		controls = append(controls, c)
	}
	return controls
}

func ms(dice *rand.Rand, most int) time.Duration {
	return time.Duration(dice.IntN(most)) * time.Millisecond
}
