package database

import (
	"context"
	"errors"

	"k8s.io/klog/v2"
)

// Saver saves copies that differ from the one in the Secret.
type Saver struct {
	From       Source
	To         Store
	Unfinished bool // of the copies; see Copy
}

// Save takes a copy, and saves it if it is not what the Secret has. It reads the Secret each time, which may have been emptied.
func (s *Saver) Save(ctx context.Context) error {
	there, err := s.To.Load(ctx)
	if err != nil && !errors.Is(err, ErrEmpty) {
		return err
	}
	empty := err != nil
	c, err := Take(ctx, s.From)
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
