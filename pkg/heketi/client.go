package heketi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	goclient "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Client calls one backend with one user's credentials. Its errors wrap one of package volume's errors. If Heketi refuses a
// request or does not answer, the error is an *Error; if Heketi has another database, it is an *OtherDatabaseError.
type Client struct {
	backend     *Backend
	credentials volume.Credentials
}

// Timing returns the timeouts and intervals that the backend's clients use.
func (c *Client) Timing() Timing { return c.backend.timing }

// CreateVolume makes a volume and waits for it, in one of the backend's operation slots. It calls the function sending when it
// has a slot, before it sends anything; if sending returns an error, CreateVolume returns that error. After another error,
// OutcomeOf returns the effect of the call.
func (c *Client) CreateVolume(ctx context.Context, request CreateRequest, sending func() error) (made Volume, err error) {
	err = c.backend.operate(ctx, "create", func() error {
		api, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := sending(); err != nil {
			return err
		}
		info, err := api.VolumeCreate(request.api())
		if err == nil && info.Id == "" {
			err = errNoVolume
		}
		if err != nil {
			return c.typed(err, http.MethodPost, "/volumes")
		}
		made = newVolume(info)
		return nil
	})
	return made, err
}

// ExpandVolume enlarges a volume by deltaGiB and waits for it, in one of the backend's operation slots. Heketi neither locks the
// volume nor recognises a repetition: the caller has to prevent concurrent and repeated calls. The function sending and the
// errors are as for CreateVolume.
func (c *Client) ExpandVolume(ctx context.Context, id string, deltaGiB int, sending func() error) (expanded Volume, err error) {
	err = c.backend.operate(ctx, "expand", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := sending(); err != nil {
			return err
		}
		info, err := client.VolumeExpand(id, &api.VolumeExpandRequest{Size: deltaGiB})
		if err == nil && info.Id != id {
			err = errNoVolume
		}
		if err != nil {
			return c.typed(err, http.MethodPost, "/volumes/"+id+"/expand")
		}
		expanded = newVolume(info)
		return nil
	})
	return expanded, err
}

// DeleteVolume removes a volume and waits for it, in one of the backend's operation slots. It checks neither who made the volume
// nor whether it is mounted.
func (c *Client) DeleteVolume(ctx context.Context, id string) error {
	return c.backend.operate(ctx, "delete", func() error {
		api, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := api.VolumeDelete(id); err != nil {
			return c.typed(err, http.MethodDelete, "/volumes/"+id)
		}
		return nil
	})
}

// Volume returns a complete volume. ErrNotFound is also returned for a volume that is being made or removed: Heketi hides such a
// volume, and only a dump shows it.
func (c *Client) Volume(ctx context.Context, id string) (Volume, error) {
	api, err := c.api(ctx, nil)
	if err != nil {
		return Volume{}, err
	}
	info, err := api.VolumeInfo(id)
	if err == nil && info.Id != id {
		err = errNoVolume
	}
	if err != nil {
		return Volume{}, c.typed(err, http.MethodGet, "/volumes/"+id)
	}
	return newVolume(info), nil
}

// Clusters returns the ids of all clusters, in Heketi's order, which is stable. It fails with an OtherDatabaseError if a cluster
// of the configuration is missing.
func (c *Client) Clusters(ctx context.Context) ([]string, error) {
	api, err := c.api(ctx, nil)
	if err != nil {
		return nil, err
	}
	list, err := api.ClusterList()
	if err != nil {
		return nil, c.typed(err, http.MethodGet, "/clusters")
	}
	if err := c.backend.recognise(list.Clusters); err != nil {
		return nil, err
	}
	return list.Clusters, nil
}

// Dump reads Heketi's whole database in one consistent view, including pending volumes. It fails with an OtherDatabaseError if a
// cluster of the configuration is missing.
func (c *Client) Dump(ctx context.Context) (Dump, error) {
	if c.backend.dumps.Acquire(ctx, 1) != nil {
		return Dump{}, fmt.Errorf("%w: backend %q: gave up waiting for other reads of the whole database: %w",
			volume.ErrUnavailable, c.backend.Name(), context.Cause(ctx))
	}
	defer c.backend.dumps.Release(1)
	var dump Dump
	api, err := c.api(ctx, func(body io.Reader) (err error) {
		dump, err = readDump(body)
		return err
	})
	if err != nil {
		return Dump{}, err
	}
	if _, err := api.DbDump(); err != nil {
		return Dump{}, c.typed(err, http.MethodGet, "/db/dump")
	}
	if err := c.backend.recognise(slices.Collect(maps.Keys(dump.Clusters))); err != nil {
		return Dump{}, err
	}
	return dump, nil
}

// api returns Heketi's own client for one call. Each call needs a new one, because Heketi's client takes no context, and because
// the key may have changed. All of them share the backend's connections.
func (c *Client) api(ctx context.Context, stream func(io.Reader) error) (*goclient.Client, error) {
	return c.apiWithin(ctx, c.backend.timing.Exchange, stream)
}

// apiWithin is like api, but takes the time limit for each request.
func (c *Client) apiWithin(ctx context.Context, limit time.Duration, stream func(io.Reader) error) (*goclient.Client, error) {
	key, err := c.backend.key(c.credentials)
	if err != nil {
		return nil, err
	}
	options := goclient.DefaultClientOptions()
	options.RetryEnabled = false // the library would sleep for 10 to 30 seconds at a time
	options.PollDelay = 0        // the performer holds each poll until the operation has ended
	api := goclient.NewClientWithOptions(c.backend.config.URL, c.credentials.User, key, options)
	api.SetClientFunc(func(_ *tls.Config, sign goclient.CheckRedirectFunc) (goclient.HttpPerformer, error) {
		p := newPerformer(ctx, c.backend, limit, sign, stream)
		p.keyless = key == ""
		return p, nil
	})
	return api, nil
}

var (
	errNoVolume    = errors.New("the answer describes no such volume")
	errNoOperation = errors.New("the answer describes no such operation")
)

// typed returns the *Error that the performer made. If the performer accepted an answer that Heketi's client has refused, typed
// makes the *Error.
func (c *Client) typed(err error, method, path string) error {
	if typed, ok := errors.AsType[*Error](err); ok {
		return typed
	}
	return c.backend.newError(method, path, StageResult, 0, "", err)
}

// Backend returns the backend that the client calls.
func (c *Client) Backend() *Backend { return c.backend }

// NewClient returns a client of one Heketi, for programs without a configuration file. If key is "", requests are signed without
// a key. The caller must call Close.
func NewClient(config BackendConfig, key string, timing Timing) (*Client, error) {
	backends, err := NewBackends(Config{Backends: []BackendConfig{config}}, timing)
	if err != nil {
		return nil, err
	}
	return backends.All()[0].Client(volume.Credentials{Key: key})
}

// Close closes idle connections of the client's backend.
func (c *Client) Close() { c.backend.transport.CloseIdleConnections() }
