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

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const largestKey = 64 << 10

// Backend is one Heketi server: its connections, and the limit of operations on it.
type Backend struct {
	config       BackendConfig
	authority    fileState // of caFile when it was read; zero: there is none
	authorityErr error     // why caFile cannot be read
	transport    *http.Transport
	slots        chan struct{}
	dumps        chan struct{}
	timing       Timing
	observer     Observer
}

func newBackend(config BackendConfig, timing Timing, observer Observer) *Backend {
	b := &Backend{config: config, timing: timing, slots: make(chan struct{}, config.MaxInFlight), observer: observer,
		// Each dump takes megabytes here and the attention of all of Heketi's database there.
		dumps: make(chan struct{}, 2)}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if config.CAFile != "" {
		b.authority, tlsConfig.RootCAs, b.authorityErr = openAuthorities(config.CAFile)
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
	return b
}

// Name is what the configuration calls the backend.
func (b *Backend) Name() string { return b.config.Name }

// HasKey reports whether the configuration gives the backend a key of its own.
func (b *Backend) HasKey() bool { return b.config.KeyFile != "" }

// FileErrors returns why the backend's key file and CA file cannot be read. Calls to the backend fail then.
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

// unreadable is ErrUnavailable and not ErrUnauthenticated: no one has refused anything, and the call is to be repeated.
func (b *Backend) unreadable(field string, err error) error {
	return fmt.Errorf("%w: backend %q: %s cannot be read: %w; correct it, calls to this Heketi fail until then", volume.ErrUnavailable, b.config.Name, field, err)
}

// Client returns a client that uses the backend's credentials, or those given where
// they are not empty. It fails with ErrInvalid for a user that cannot work, and with ErrUnavailable if the CA file cannot be read.
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

// trimNewline removes the newline with which editors and echo end a file, be it the key file or one that became a Secret, as
// with kubectl create secret --from-file.
func trimNewline(s string) string { return strings.TrimRight(s, "\r\n") }

// openAuthorities looks at the file before it reads it: a change in between is then seen as one.
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

// URL is the backend's address, without credentials.
func (b *Backend) URL() string { return b.config.URL }

// Adopts reports whether volumes that were taken over may be deleted and expanded.
func (b *Backend) Adopts() bool { return b.config.Adopt == nil || *b.config.Adopt }

// VolumeNamePrefix is what names of this installation's volumes begin with; "" is anything.
func (b *Backend) VolumeNamePrefix() string { return b.config.VolumeNamePrefix }

// OfThisInstallation reports whether a volume that this driver has made, by its name, may be one of this installation.
func (b *Backend) OfThisInstallation(glusterName string) bool {
	return b.config.VolumeNamePrefix == "" || volume.HasNamePrefix(glusterName, b.config.VolumeNamePrefix)
}
