package migrate

import (
	"cmp"
	"slices"
)

// State describes a PersistentVolume of either kind.
type State struct {
	Name  string `json:"name"`
	Claim string `json:"claim,omitempty"`
	Phase string `json:"phase"` // "" if the PersistentVolume does not exist
	// Kind is InTree, InDriver (made by a migration), IsMissing or IsDeleted.
	Kind   string `json:"kind"`
	Policy string `json:"policy"`
	// ClaimPhase is "" if the claim does not exist.
	ClaimPhase string `json:"claimPhase,omitempty"`
}

// The kinds of a State.
const (
	InTree   = "in-tree"
	InDriver = "migrated"
	// IsMissing is the kind of a PersistentVolume that does not exist, although a claim is Lost without it or a plan migrates it.
	IsMissing = "missing"
	// IsDeleted is the kind of a PersistentVolume in the plan that was deleted by something other than the migration, for example
	// with its claim.
	IsDeleted = "deleted"
)

// Status returns, sorted by name, the PersistentVolumes of the in-tree plugin, those that a migration made, and absent ones:
//   - A PersistentVolume that a Lost claim names is missing, unless the claim belongs to another driver.
//   - Any other PersistentVolume that the plan migrates is missing if the journal lists it, and deleted if not.
//
// The plan may be empty. journal may be nil. Without a journal or its file, every absent PersistentVolume of the plan is missing.
func Status(o Objects, driver string, plan Plan, journal *Journal) ([]State, error) {
	claims := map[string]claim{}
	for _, object := range o.Claims {
		c, err := read[claim](object)
		if err != nil {
			return nil, err
		}
		claims[c.Metadata.key()] = c
	}
	states := []State{}
	exists := map[string]bool{}
	for _, object := range o.Volumes {
		pv, err := read[persistentVolume](object)
		if err != nil {
			return nil, err
		}
		exists[pv.Metadata.Name] = true
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
			state.ClaimPhase = claims[state.Claim].Status.Phase
		}
		states = append(states, state)
	}
	states = append(states, absent(claims, exists, driver, plan, journal)...)
	slices.SortStableFunc(states, func(a, b State) int { return cmp.Compare(a.Name, b.Name) })
	return states, nil
}

// absent returns the PersistentVolumes that do not exist but should, and those of the plan that were deleted by something other
// than the migration.
func absent(claims map[string]claim, exists map[string]bool, driver string, plan Plan, journal *Journal) (states []State) {
	add := func(name, claimKey, kind string) {
		if !exists[name] {
			states = append(states, State{Name: name, Kind: kind, Claim: claimKey, ClaimPhase: claims[claimKey].Status.Phase})
			exists[name] = true // so that it is not listed twice
		}
	}
	for _, key := range sortedKeys(claims) {
		c := claims[key]
		if c.Status.Phase == "Lost" && c.Spec.VolumeName != "" && mayBeOurs(c, driver) {
			add(c.Spec.VolumeName, key, IsMissing)
		}
	}
	for _, v := range plan.Volumes {
		switch {
		case v.Action != Migrate:
		case journal.deletedElsewhere(volumeEntry(v.Name)):
			add(v.Name, v.Claim, IsDeleted)
		default:
			add(v.Name, v.Claim, IsMissing)
		}
	}
	return states
}

// mayBeOurs reports whether a claim may belong to the in-tree plugin or to the driver. Claims of volumes that were made by hand
// name no provisioner.
func mayBeOurs(c claim, driver string) bool {
	for _, annotation := range []string{"volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"} {
		if named := c.Metadata.Annotations[annotation]; named != "" {
			return named == driver || named == inTree
		}
	}
	return true
}
