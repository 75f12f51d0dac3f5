// Package gluster is the first process of a container that runs GlusterFS on a node.
package gluster

import (
	"context"
	"errors"
	"time"
)

// Config says where things are.
type Config struct {
	HealthAddress string        // of /healthz and /readyz
	HealTimeout   time.Duration // 0: no limit
}

// DefaultConfig is that of the image.
func DefaultConfig() Config { return Config{} }

// Run serves until ctx is done.
func Run(_ context.Context, _ Config) error { return errors.New("not implemented yet") }
