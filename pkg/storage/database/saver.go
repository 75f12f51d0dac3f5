package database

import (
	"context"
	"errors"

	"k8s.io/klog/v2"
)

// Saver saves a copy if it differs from the one in the Secret.
type Saver struct {
	From       Source
	To         Store
	Program    string // path of heketi, which reads each copy before it is saved
	Unfinished bool   // marks the copies; see Copy
}

// Save takes a copy, and saves it if it differs from the one in the Secret. It reads the Secret each time, because the Secret may
// have been emptied.
func (s *Saver) Save(ctx context.Context) error {
	there, err := s.To.Load(ctx)
	if err != nil && !errors.Is(err, ErrEmpty) {
		return err
	}
	empty := err != nil
	c, err := MakeCopy(ctx, s.From, s.Program)
	if err != nil {
		return err
	}
	if !empty && c.SHA256 == there.SHA256 && s.Unfinished == there.Unfinished {
		return nil
	}
	c.Unfinished = s.Unfinished
	if err := s.To.Save(ctx, c); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Saved a backup of Heketi's database", "secret", s.To.Name, "bytes", len(c.Packed), "sha256", c.SHA256)
	return nil
}
