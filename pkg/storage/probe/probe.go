// Package probe decides whether Heketi's container must be started again. Heketi can answer requests although it can no longer
// change its database. There are two causes: Heketi's open descriptor belongs to the mount of a FUSE client that has ended, or the
// database was locked when Heketi started. Both states last until Heketi opens its database again.
//
// The probe must fail only if a restart helps. It does not fail while bricks are offline, or while a client hangs or has not been
// replaced yet: in these cases, a restarted Heketi could not open its database at all. The package therefore sends no request to
// the file system of the database. It asks only the kernel for the descriptors, their devices and the mounts, so it cannot hang.
//
// Probe.Run makes one probe. It runs in Heketi's container, as a process in Heketi's PID and mount namespaces. There, Heketi is
// process 1. If the kernel does not show the descriptors of the process, or if none of them belongs to the database, only
// Heketi's answer to a request counts.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Probe holds where Heketi and its database are.
type Probe struct {
	URL      string        // of Heketi
	Database string        // the path in Heketi's configuration; its directory has no symbolic links
	Process  string        // Heketi's directory below /proc
	Limit    time.Duration // for Heketi's answer
}

// Run returns an error if Heketi does not answer, or if it cannot write its database until it is started again. If the kernel does
// not show Heketi's descriptors, only the answer counts.
func (p Probe) Run(ctx context.Context) error {
	if err := p.checkDatabase(); errors.Is(err, errUnusable) {
		return err
	} else if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot examine how Heketi has opened its database")
	}
	return p.hello(ctx)
}

// errUnusable is returned when Heketi must open its database again.
var errUnusable = errors.New("Heketi cannot change its database until it is started again") //nolint:staticcheck // a name

// checkDatabase returns errUnusable if Heketi has descriptors of its database, and none of them can be used for writing. Before
// Heketi has opened its database, there is no descriptor. While Heketi sends a copy, there is an additional one for reading.
//
// A descriptor of a deleted file counts as usable: if Heketi were started again, its database would be empty.
func (p Probe) checkDatabase() error {
	all, err := descriptors(p.Process, filepath.Base(p.Database))
	if err != nil || len(all) == 0 {
		return err
	}
	top, err := mount.Top(filepath.Dir(p.Database))
	if err != nil {
		return err
	}
	var stale error
	for _, d := range all {
		switch {
		case top != nil && mount.DeviceOf(top) != d.device:
			stale = fmt.Errorf("%w: it has %s open on the mount of a client that was replaced (device %s, now %s)", errUnusable, p.Database, d.device, mount.DeviceOf(top))
		case d.writes:
			return nil
		}
	}
	if stale != nil {
		return stale
	}
	return fmt.Errorf("%w: it has opened %s only for reading, because it could not lock or write it; its log has the reason", errUnusable, p.Database)
}

// hello checks that Heketi answers. Like an HTTP probe of the kubelet, it does not verify the certificate: a restart does not renew
// a certificate, and the request holds nothing secret.
func (p Probe) hello(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Limit, fmt.Errorf("no answer within %s", p.Limit))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/hello", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- see above
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("GET %s: %w", request.URL, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("GET %s: %w", request.URL, err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("GET %s: %s", request.URL, response.Status)
	}
	return nil
}
