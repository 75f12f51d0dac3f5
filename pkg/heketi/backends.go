package heketi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Backends are the configured Heketi servers.
type Backends struct {
	all []*Backend
}

// NewBackends makes the backends of a configuration; LoadConfig has checked it.
func NewBackends(config Config, timing Timing) (*Backends, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	backends := &Backends{}
	for _, c := range config.Backends {
		b, err := newBackend(c, timing)
		if err != nil {
			return nil, err
		}
		backends.all = append(backends.all, b)
	}
	return backends, nil
}

// Select finds the backend that a StorageClass means: by its name, by its URL
// (normalised), or, with neither given, the only one there is. It fails with ErrInvalid.
func (bs *Backends) Select(name, url string) (*Backend, error) {
	switch {
	case name != "":
		if b := bs.find(func(b *Backend) bool { return b.config.Name == name }); b != nil {
			return b, nil
		}
		return nil, volume.Invalid("backend", name, "must be one of the configured backends: "+bs.names())
	case url != "":
		if b := bs.find(func(b *Backend) bool { return b.config.URL == url }); b != nil {
			return b, nil
		}
		return nil, volume.Invalid("resturl", url,
			"must be the URL of a configured backend, because credentials are kept there: "+bs.names())
	case len(bs.all) == 1:
		return bs.all[0], nil
	}
	return nil, volume.Invalid("backend", "",
		"must be given, or resturl, when several backends are configured: "+bs.names())
}

// ByName finds the backend of a volume handle. It fails with ErrPrecondition: the volume
// may well exist, but not for this configuration.
func (bs *Backends) ByName(name string) (*Backend, error) {
	if b := bs.find(func(b *Backend) bool { return b.config.Name == name }); b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("%w: the volume belongs to backend %q, which is not configured (configured: %s); "+
		"add it to the driver's configuration", volume.ErrPrecondition, name, bs.names())
}

func (bs *Backends) find(match func(*Backend) bool) *Backend {
	if i := slices.IndexFunc(bs.all, match); i >= 0 {
		return bs.all[i]
	}
	return nil
}

func (bs *Backends) names() string {
	names := make([]string, 0, len(bs.all))
	for _, b := range bs.all {
		names = append(names, fmt.Sprintf("%s (%s)", b.config.Name, b.config.URL))
	}
	return strings.Join(names, ", ")
}

// Close drops idle connections.
func (bs *Backends) Close() {
	for _, b := range bs.all {
		b.transport.CloseIdleConnections()
	}
}
