package heketi

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Backends holds the configured Heketi servers.
type Backends struct {
	timing   Timing
	observer Observer
	file     *configFile // nil: the configuration never changes

	mu  sync.Mutex
	all []*Backend // the slice is replaced, never modified
}

// NewBackends checks a configuration, fills in defaults and makes the backends. A backend whose key file or CA file cannot be
// read is included, but calls to it fail.
func NewBackends(config Config, timing Timing, settings ...Setting) (*Backends, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	backends := &Backends{timing: timing, observer: unobserved{}}
	for _, set := range settings {
		set(backends)
	}
	_, _ = backends.replace(config) // the error concerns only backends that existed before
	return backends, nil
}

// Timing returns the timeouts and intervals that the clients of all backends use.
func (bs *Backends) Timing() Timing { return bs.timing }

// All returns the backends that are configured now.
func (bs *Backends) All() []*Backend {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.reload()
	return bs.all
}

// Select returns the backend that a StorageClass selects: by its name, by its URL (normalised), or, if both are empty, the only
// backend. If there is no such backend, it fails with ErrInvalid.
func (bs *Backends) Select(name, url string) (*Backend, error) {
	all := bs.All()
	switch {
	case name != "":
		if b := find(all, func(b *Backend) bool { return b.config.Name == name }); b != nil {
			return b, nil
		}
		return nil, volume.Invalid("backend", name, "must be one of the configured backends: "+names(all))
	case url != "":
		if b := find(all, func(b *Backend) bool { return b.config.URL == url }); b != nil {
			return b, nil
		}
		return nil, volume.Invalid("resturl", url,
			"must be the URL of a configured backend, because the configuration holds the credentials: "+names(all))
	case len(all) == 1:
		return all[0], nil
	}
	return nil, volume.Invalid("backend", "",
		"must be given (or resturl), because several backends are configured: "+names(all))
}

// ByName returns the backend that a volume handle names. If the backend is not configured, ByName fails with ErrPrecondition,
// because the volume may exist nevertheless.
func (bs *Backends) ByName(name string) (*Backend, error) {
	all := bs.All()
	if b := find(all, func(b *Backend) bool { return b.config.Name == name }); b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("%w: the volume belongs to backend %q, which is not configured (configured: %s); "+
		"add it to the driver's configuration", volume.ErrPrecondition, name, names(all))
}

func find(all []*Backend, match func(*Backend) bool) *Backend {
	if i := slices.IndexFunc(all, match); i >= 0 {
		return all[i]
	}
	return nil
}

func names(all []*Backend) string {
	names := make([]string, 0, len(all))
	for _, b := range all {
		names = append(names, fmt.Sprintf("%s (%s)", b.config.Name, b.config.URL))
	}
	return strings.Join(names, ", ")
}

// Close closes idle connections. The backends stay usable.
func (bs *Backends) Close() {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for _, b := range bs.all {
		b.transport.CloseIdleConnections()
	}
}
