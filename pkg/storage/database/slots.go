package database

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/klog/v2"
)

// Slots are Secrets that keep the last backups: NAME-0, NAME-1 and so on.
type Slots struct {
	Store // Name is what their names begin with
	Count int
}

// Save puts the copy into the slot that is empty or has the oldest backup. If the newest has the same content, only its
// time is set: a database that does not change shall not push out older states of it.
func (s Slots) Save(ctx context.Context, c Copy) error {
	var oldest, newest *slot
	for i := range s.Count {
		at, err := s.read(ctx, i)
		if err != nil {
			return err
		}
		if oldest == nil || at.copy.TakenAt.Before(oldest.copy.TakenAt) {
			oldest = at
		}
		if newest == nil || at.copy.TakenAt.After(newest.copy.TakenAt) {
			newest = at
		}
	}
	if oldest == nil {
		return errors.New("there are no slots: --slots must be at least 1")
	}
	to, unchanged := oldest, len(newest.copy.Packed) > 0 && newest.copy.SHA256 == c.SHA256
	if unchanged {
		to = newest
	}
	if err := to.store.save(ctx, c, to.version); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Saved a backup of Heketi's database", "secret", to.store.Name, "bytes", len(c.Packed), "sha256", c.SHA256, "unchanged", unchanged)
	return nil
}

type slot struct {
	store   Store
	copy    Copy
	version string
}

func (s Slots) read(ctx context.Context, i int) (*slot, error) {
	at := &slot{store: s.Store}
	at.store.Name = fmt.Sprintf("%s-%d", s.Name, i)
	var err error
	at.copy, at.version, err = at.store.load(ctx)
	if err != nil && !errors.Is(err, ErrEmpty) {
		return nil, err
	}
	return at, nil
}
