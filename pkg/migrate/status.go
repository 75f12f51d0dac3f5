package migrate

import (
	"cmp"
	"slices"
)

// State is where a PersistentVolume of either kind stands.
type State struct {
	Name  string `json:"name"`
	Claim string `json:"claim,omitempty"`
	Phase string `json:"phase"`
	// Kind is InTree, or InDriver for what a migration has made.
	Kind   string `json:"kind"`
	Policy string `json:"policy"`
	// ClaimPhase is "" for a claim that does not exist.
	ClaimPhase string `json:"claimPhase,omitempty"`
}

// The kinds of a State.
const (
	InTree   = "in-tree"
	InDriver = "migrated"
)

// Status returns the PersistentVolumes of the in-tree plugin and those that a migration has put in their place, by name.
func Status(o Objects, driver string) ([]State, error) {
	phases := map[string]string{}
	for _, object := range o.Claims {
		c, err := read[claim](object)
		if err != nil {
			return nil, err
		}
		phases[c.Metadata.key()] = c.Status.Phase
	}
	var states []State
	for _, object := range o.Volumes {
		pv, err := read[persistentVolume](object)
		if err != nil {
			return nil, err
		}
		state := State{Name: pv.Metadata.Name, Phase: pv.Status.Phase, Policy: pv.Spec.ReclaimPolicy, Kind: InTree}
		switch {
		case pv.Spec.GlusterFS != nil:
		case pv.Spec.CSI != nil && pv.Spec.CSI.Driver == driver && pv.Metadata.Annotations[AnnotationMigratedFrom] != "":
			state.Kind = InDriver
		default:
			continue
		}
		if ref := pv.Spec.ClaimRef; ref != nil {
			state.Claim = ref.Namespace + "/" + ref.Name
			state.ClaimPhase = phases[state.Claim]
		}
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b State) int { return cmp.Compare(a.Name, b.Name) })
	return states, nil
}
