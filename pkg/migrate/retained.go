package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// restoreLimit bounds the attempt to set a policy back.
const restoreLimit = 30 * time.Second

// restorePolicy restores the reclaim policy that a failed attempt has changed to Retain, unless the PersistentVolume was deleted.
// It returns the attempt's error. If the policy stays Retain, the error also contains the reason.
func (a *Applier) restorePolicy(ctx context.Context, name string, from map[string]any, failed error) error {
	entry := volumeEntry(name)
	if failed == nil || a.DryRun || !a.Journal.hasRetained(entry) || a.Journal.has(entry) {
		return failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreLimit)
	defer cancel()
	if err := a.setPolicyBack(ctx, name, from); err != nil {
		return fmt.Errorf("%w; its policy is Retain now and was %s: %w", failed, policyOf(from), err)
	}
	return failed
}

func (a *Applier) setPolicyBack(ctx context.Context, name string, from map[string]any) error {
	now, err := a.API.Get(ctx, volumesResource(), "", name)
	if err != nil {
		return err
	}
	switch {
	case a.Journal.isAnother(now): // the attempt has not changed the policy of this one
		return a.Journal.forget(volumeEntry(name))
	case isDeleting(now) || !sameVolume(now.Object, from):
		return errors.New("it has changed")
	}
	view, err := read[persistentVolume](*now)
	if err != nil {
		return err
	}
	s := swapper{api: a.API}
	if ref := view.Spec.ClaimRef; ref != nil {
		gone, _, err := s.claimOf(ctx, ref)
		if err != nil {
			return err
		}
		if gone {
			return fmt.Errorf("its claim %s/%s is gone, so Kubernetes could delete the volume under the former policy", ref.Namespace, ref.Name)
		}
	}
	if policyOf(now.Object) == policyRetain && policyOf(from) != policyRetain {
		if err := s.setPolicy(ctx, now, policyOf(from)); err != nil {
			return err
		}
	}
	return a.Journal.restored(volumeEntry(name))
}
