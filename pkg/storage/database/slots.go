package database

import (
	"context"
	"errors"
	"time"

	"k8s.io/klog/v2"
)

// Slots are the Secrets that keep the last backups: NAME-0, NAME-1 and so on.
type Slots struct {
	Store // Name is the prefix of the slots' names
	Count int
}

// clockSkew is the largest expected difference between the clocks of the nodes that save backups.
const clockSkew = 10 * time.Minute

// Save puts the copy into an empty slot, or into the one with the oldest backup. If the newest backup has the same content, Save
// only updates its time: a database that does not change must not push out its older states. A backup with a future time was
// made while a clock was ahead. It counts as the oldest: otherwise it would stay the newest until that time comes.
func (s Slots) Save(ctx context.Context, c Copy) error {
	var oldest, newest *slot
	for i := range s.Count {
		at, err := s.read(ctx, i)
		if err != nil {
			return err
		}
		at.fromFuture = at.copy.TakenAt.After(c.TakenAt.Add(clockSkew))
		if oldest == nil || at.before(oldest) {
			oldest = at
		}
		if newest == nil || newest.before(at) {
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
	store      Store
	copy       Copy
	version    string
	fromFuture bool
}

// before reports whether s is overwritten before other: empty slots first, then backups from the future, then the oldest backup.
func (s *slot) before(other *slot) bool {
	if s.rank() != other.rank() {
		return s.rank() < other.rank()
	}
	return s.copy.TakenAt.Before(other.copy.TakenAt)
}

func (s *slot) rank() int {
	switch {
	case len(s.copy.Packed) == 0:
		return 0
	case s.fromFuture:
		return 1
	default:
		return 2
	}
}

func (s Slots) read(ctx context.Context, i int) (*slot, error) {
	at := &slot{store: s.Store}
	at.store.Name = slotName(s.Name, i)
	var err error
	at.copy, at.version, err = at.store.load(ctx)
	if err != nil && !errors.Is(err, ErrEmpty) {
		return nil, err
	}
	return at, nil
}
