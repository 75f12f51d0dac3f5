package heketi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const largestKey = 64 << 10

// Backend is one Heketi server: its connections and its operation slots.
type Backend struct {
	config       BackendConfig
	authority    fileState // of caFile when it was read; zero: there is none
	authorityErr error     // why caFile cannot be read
	transport    *http.Transport
	slots        *semaphore.Weighted
	dumps        *semaphore.Weighted
	timing       Timing
	observer     Observer
}

func newBackend(config BackendConfig, timing Timing, observer Observer) *Backend {
	b := &Backend{config: config, timing: timing, slots: semaphore.NewWeighted(int64(config.MaxInFlight)), observer: observer,
		// A dump takes megabytes of the driver's memory, and makes Heketi read its whole database.
		dumps: semaphore.NewWeighted(2)}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if config.CAFile != "" {
		b.authority, tlsConfig.RootCAs, b.authorityErr = openAuthorities(config.CAFile)
	}
	b.transport = &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: 5 * time.Second,
		// Each operation is polled often, and a new connection costs more than a poll.
		MaxIdleConnsPerHost: 2 * config.MaxInFlight,
		IdleConnTimeout:     time.Minute,
	}
	return b
}

// Name returns the backend's name in the configuration.
func (b *Backend) Name() string { return b.config.Name }

// HasKey reports whether the configuration has a key for the backend.
func (b *Backend) HasKey() bool { return b.config.KeyFile != "" }

// FileErrors returns why the backend's key file and CA file cannot be read. As long as the CA file cannot be read, all calls to
// the backend fail; as long as the key file cannot be read, calls without their own key fail.
func (b *Backend) FileErrors() []error {
	_, keyErr := b.key(volume.Credentials{})
	return slices.DeleteFunc([]error{keyErr, b.checkAuthority()}, func(err error) bool { return err == nil })
}

func (b *Backend) checkAuthority() error {
	if b.authorityErr == nil {
		return nil
	}
	return b.unreadable("caFile", b.authorityErr)
}

// unreadable returns ErrUnavailable, not ErrUnauthenticated: no server has refused the login, and the call should be repeated.
func (b *Backend) unreadable(field string, err error) error {
	return fmt.Errorf("%w: backend %q: %s cannot be read: %w; correct it, calls to this Heketi fail until then", volume.ErrUnavailable, b.config.Name, field, err)
}

// Client returns a client with the given credentials. The backend's own user and key replace empty fields. Client fails with
// ErrInvalid for a user that cannot work, and with ErrUnavailable if the CA file cannot be read.
func (b *Backend) Client(credentials volume.Credentials) (*Client, error) {
	if err := b.checkAuthority(); err != nil {
		return nil, err
	}
	credentials.User, credentials.Key = trimNewline(credentials.User), trimNewline(credentials.Key)
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
	if b.slots.Acquire(ctx, 1) != nil {
		return fmt.Errorf("%w: backend %q: gave up waiting for one of its %d operation slots: %w",
			volume.ErrBusy, b.config.Name, b.config.MaxInFlight, context.Cause(ctx))
	}
	return nil
}

func (b *Backend) release() { b.slots.Release(1) }

// key returns the signing key: the key in credentials, or else the present content of the key file.
func (b *Backend) key(credentials volume.Credentials) (string, error) {
	if credentials.Key != "" || b.config.KeyFile == "" {
		return credentials.Key, nil
	}
	key, err := readKey(b.config.KeyFile)
	if err != nil {
		return "", b.unreadable("keyFile", err)
	}
	return key, nil
}

func readKey(path string) (string, error) {
	content, err := readSmallFile(path, largestKey)
	if err != nil {
		return "", err
	}
	key := trimNewline(string(content))
	if key == "" {
		return "", fmt.Errorf("%s is empty; write Heketi's admin key into it", path)
	}
	return key, nil
}

// trimNewline removes the newline with which editors and echo end a file. The file may be the key file, or a file from which a
// Secret was made with kubectl create secret --from-file.
func trimNewline(s string) string { return strings.TrimRight(s, "\r\n") }

// openAuthorities calls stat before it reads the file, so that authorityChanged detects a change in between.
func openAuthorities(path string) (fileState, *x509.CertPool, error) {
	state, err := stateOf(path)
	if err != nil {
		return fileState{}, nil, err
	}
	pool, err := readAuthorities(path)
	return state, pool, err
}

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

// URL returns the backend's address, without credentials.
func (b *Backend) URL() string { return b.config.URL }

// Adopts reports whether adopted volumes may be deleted and expanded.
func (b *Backend) Adopts() bool { return b.config.Adopt == nil || *b.config.Adopt }

// VolumeNamePrefix returns the prefix of the names of this installation's volumes; "" if they have none.
func (b *Backend) VolumeNamePrefix() string { return b.config.VolumeNamePrefix }

// OfThisInstallation reports whether the name shows that a driver made the volume, and that it may belong to this installation.
func (b *Backend) OfThisInstallation(glusterName string) bool {
	return volume.IsOurs(glusterName) && (b.config.VolumeNamePrefix == "" || volume.HasNamePrefix(glusterName, b.config.VolumeNamePrefix))
}
