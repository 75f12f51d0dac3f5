package faults

import (
	"reflect"
	"testing"
	"time"
)

func TestPlanComesFromItsSeed(t *testing.T) {
	if a, b := NewPlan(7, everyVerb()), NewPlan(7, everyVerb()); !reflect.DeepEqual(a, b) {
		t.Errorf("seed 7 gives %+v and %+v", a, b)
	}
	if a, b := NewPlan(7, everyVerb()), NewPlan(9, everyVerb()); reflect.DeepEqual(a.Callers, b.Callers) {
		t.Error("seeds 7 and 9 give the same calls")
	}
}

// TestPlansHaveEverything: a mistake in the generator must not leave out a fault, a control or a verb.
func TestPlansHaveEverything(t *testing.T) {
	missing := map[string]bool{}
	for _, f := range everyFault() {
		missing[string(f)] = true
	}
	for _, kind := range []string{KillHeketi, KillDriver, RefuseAll, Stall, CloseCluster, Amnesia, Stranger, Slow, CreateFails, DestroyFails} {
		missing[kind] = true
	}
	for _, v := range everyVerb() {
		missing[v.Name] = true
	}
	for seed := range uint64(200) {
		p := NewPlan(seed, everyVerb())
		for _, rates := range p.Rates {
			for _, rate := range rates {
				delete(missing, string(rate.Fault))
			}
		}
		for _, c := range p.Controls {
			delete(missing, c.Kind)
		}
		for _, steps := range p.Callers {
			for _, step := range steps {
				delete(missing, step.Verb)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("two hundred plans lack %v", sortedKeys(missing))
	}
}

func TestStreamDoesNotDependOnOtherClasses(t *testing.T) {
	rates := map[Class][]Rate{ClassCreate: {{DropRequest, .5}}, ClassPoll: {{Hang, .5}}}
	alone, mixed := newStream(3, rates), newStream(3, rates)
	for i := range 50 {
		mixed.next(ClassPoll)
		if a, b := alone.next(ClassCreate), mixed.next(ClassCreate); a != b {
			t.Fatalf("create %d: %v alone, %v among polls", i, a, b)
		}
	}
}

// TestPauseOf calculates as Heketi does (executors/injectexec/hooks.go, React).
func TestPauseOf(t *testing.T) {
	for _, want := range []time.Duration{slowness, 512, time.Second} {
		if got := time.Second * time.Duration(pauseOf(want)); got != want {
			t.Errorf("Heketi would pause for %v, want %v", got, want)
		}
	}
}
