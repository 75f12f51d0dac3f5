package heketi

import "github.com/glusterfs-csi/glusterfs-csi/pkg/volume"

// NewClient returns a client of one Heketi, for programs that have no configuration file. With key "", requests are signed with no
// key. Close it.
func NewClient(config BackendConfig, key string, timing Timing) (*Client, error) {
	backends, err := NewBackends(Config{Backends: []BackendConfig{config}}, timing)
	if err != nil {
		return nil, err
	}
	return backends.All()[0].Client(volume.Credentials{Key: key})
}

// Close drops idle connections of the client's backend.
func (c *Client) Close() { c.backend.transport.CloseIdleConnections() }
