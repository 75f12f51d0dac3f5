package heketi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const largestKey = 64 << 10

// Backend is one Heketi server: its connections, and the limit of operations on it.
type Backend struct {
	config    BackendConfig
	authority fileState // of caFile when it was read; zero: there is none
	transport *http.Transport
	slots     chan struct{}
	dumps     chan struct{}
	timing    Timing
	observer  Observer
}

func newBackend(config BackendConfig, timing Timing, observer Observer) (*Backend, error) {
	b := &Backend{config: config, timing: timing, slots: make(chan struct{}, config.MaxInFlight), observer: observer,
		// Each dump takes megabytes here and the attention of all of Heketi's database there.
		dumps: make(chan struct{}, 2)}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if config.CAFile != "" {
		// Before the content: a change in between is then seen as one.
		state, err := stateOf(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("backend %q: caFile: %w", config.Name, err)
		}
		pool, err := readAuthorities(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("backend %q: caFile: %w", config.Name, err)
		}
		b.authority, tlsConfig.RootCAs = state, pool
	}
	b.transport = &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: 5 * time.Second,
		// Every operation asks often for its end, and creating connections for it costs more than asking.
		MaxIdleConnsPerHost: 2 * config.MaxInFlight,
		IdleConnTimeout:     time.Minute,
	}
	return b, nil
}

// Name is what the configuration calls the backend.
func (b *Backend) Name() string { return b.config.Name }

// HasKey reports whether the configuration gives the backend a key of its own.
func (b *Backend) HasKey() bool { return b.config.KeyFile != "" }

// Client returns a client that uses the backend's credentials, or those given where
// they are not empty. It fails with ErrInvalid for a user that cannot work.
func (b *Backend) Client(credentials volume.Credentials) (*Client, error) {
	if credentials.User == "" {
		credentials.User = b.config.User
	}
	if err := checkUser("secrets.user", credentials.User); err != nil {
		return nil, err
	}
	return &Client{backend: b, credentials: credentials}, nil
}

// acquire waits for one of the backend's operation slots.
func (b *Backend) acquire(ctx context.Context) error {
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: backend %q: gave up waiting for one of its %d operation slots: %w",
			volume.ErrBusy, b.config.Name, b.config.MaxInFlight, context.Cause(ctx))
	}
}

func (b *Backend) release() { <-b.slots }

// key returns the signing key: the request's own, or that of the file as it is now.
func (b *Backend) key(credentials volume.Credentials) (string, error) {
	if credentials.Key != "" || b.config.KeyFile == "" {
		return trimKey(credentials.Key), nil
	}
	key, err := readKey(b.config.KeyFile)
	if err != nil {
		return "", fmt.Errorf("%w: backend %q: keyFile: %w", volume.ErrUnauthenticated, b.config.Name, err)
	}
	return key, nil
}

func readKey(path string) (string, error) {
	content, err := readSmallFile(path, largestKey)
	if err != nil {
		return "", err
	}
	key := trimKey(string(content))
	if key == "" {
		return "", fmt.Errorf("%s is empty; write Heketi's admin key into it", path)
	}
	return key, nil
}

// trimKey removes the newline with which editors and echo end a file, be it the key file or one that became a Secret.
func trimKey(key string) string { return strings.TrimRight(key, "\r\n") }

func readAuthorities(path string) (*x509.CertPool, error) {
	pem, err := readSmallFile(path, largestConfig)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", path)
	}
	return pool, nil
}
