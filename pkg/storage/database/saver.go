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

	known string // sha256 of what the Secret holds; "": not known
}

// Save takes a copy, and saves it if it is a new one.
func (s *Saver) Save(ctx context.Context) error {
	if s.known == "" {
		there, err := s.To.Load(ctx)
		switch {
		case err == nil && there.Unfinished == s.Unfinished:
			s.known = there.SHA256
		case err != nil && !errors.Is(err, ErrEmpty):
			return err
		}
	}
	c, err := Take(ctx, s.From)
	if err != nil {
		return err
	}
	if c.SHA256 == s.known {
		return nil
	}
	c.Unfinished = s.Unfinished
	if err := s.To.Save(ctx, c); err != nil {
		return err
	}
	s.known = c.SHA256
	klog.FromContext(ctx).Info("Saved a backup of Heketi's database", "secret", s.To.Name, "bytes", len(c.Packed), "sha256", c.SHA256)
	return nil
}
