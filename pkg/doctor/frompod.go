package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// glusterd gives a brick any free port between base-port and max-port of glusterd.vol; these are the defaults.
const (
	firstBrickPort = 49152
	lastBrickPort  = 60999
	brickPorts     = lastBrickPort - firstBrickPort + 1
)

// If a firewall drops packets, the attempt to connect to a port takes portLimit. Therefore many ports are tried at once. All
// ports of two servers fit into scanLimit.
const (
	portLimit = time.Second
	scanLimit = time.Minute
	mostDials = 512 // fewer than the files that a process may open in most containers
)

// fromPod connects to gluster servers as a tenant's pod could. In this check alone, a successful connection is a fault.
func (c checker) fromPod(ctx context.Context, servers []string) []report.Finding {
	ctx, cancel := context.WithTimeout(ctx, scanLimit)
	defer cancel()
	atOnce := max(1, mostDials/len(servers))
	checks := make([]func(context.Context) []report.Finding, len(servers))
	for i, server := range servers {
		checks[i] = func(ctx context.Context) []report.Finding { return []report.Finding{c.openToPods(ctx, server, atOnce)} }
	}
	return parallel(ctx, checks)
}

// openToPods tries the ports of one server, atOnce of them concurrently.
func (c checker) openToPods(ctx context.Context, server string, atOnce int) report.Finding {
	finding := report.Finding{Check: "pod-reaches-gluster", Subject: "gluster server " + server}
	addresses, err := c.prober.Addresses(ctx, server)
	if err != nil {
		finding.Severity = report.Warning
		finding.Message = fmt.Sprintf("the name cannot be resolved here, so no port was tried: %v", err)
		finding.Remedy = "name the server by its address"
		return finding
	}
	glusterd, _ := c.accepts(ctx, addresses, glusterdPort)
	brick, tried := c.openBrickPort(ctx, addresses, atOnce)
	finding.Severity = report.Warning
	finding.Remedy = "keep pods away with deploy/examples/firewall-nodes.nft or networkpolicy.yaml, or let volumes require client certificates " +
		"(auth.ssl-allow) and glusterd TLS; see docs/security.md#keep-pods-from-the-gluster-servers"
	const bricks = "on which a brick serves every user's files to any client, unless its volume requires certificates"
	switch {
	case glusterd && brick != 0:
		finding.Message = fmt.Sprintf("a pod here can connect to port %d, on which glusterd lists all volumes, and to port %d, %s", glusterdPort, brick, bricks)
	case glusterd:
		finding.Message = fmt.Sprintf("a pod here can connect to port %d, on which glusterd lists all volumes", glusterdPort)
	case brick != 0:
		finding.Message = fmt.Sprintf("a pod here can connect to port %d, %s", brick, bricks)
	case tried == 0:
		finding.Message = "no port could be tried, so this check has no result"
		finding.Remedy = "name fewer servers, and look at the limit of open files in this pod (ulimit -n)"
	default:
		finding.Severity, finding.Remedy = report.OK, ""
		finding.Message = fmt.Sprintf("a pod here cannot connect to port %d, nor to any of the bricks' ports (%d of %d were tried)", glusterdPort, tried, brickPorts)
	}
	return finding
}

// openBrickPort returns a brick port that accepts a connection, or 0, and the number of ports at which no connection was possible.
func (c checker) openBrickPort(ctx context.Context, addresses []netip.Addr, atOnce int) (open, closed int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var found, tried atomic.Int64
	var group errgroup.Group // without a shared context: the first port that accepts ends the others, which is not an error
	group.SetLimit(atOnce)
	for port := firstBrickPort; port <= lastBrickPort && ctx.Err() == nil; port++ {
		group.Go(func() error {
			open, err := c.accepts(ctx, addresses, port)
			switch {
			case open:
				found.Store(int64(port))
				cancel()
			case err == nil:
				tried.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait()
	return int(found.Load()), int(tried.Load())
}

// accepts reports whether any of the addresses accepts a connection to the port. It returns an error if no connection could be
// tried.
func (c checker) accepts(ctx context.Context, addresses []netip.Addr, port int) (open bool, err error) {
	for _, address := range addresses {
		limited, cancel := context.WithTimeout(ctx, portLimit)
		conn, dialErr := c.prober.Dial(limited, "tcp", net.JoinHostPort(address.String(), strconv.Itoa(port)))
		cancel()
		switch {
		case dialErr == nil:
			_ = conn.Close()
			return true, nil
		case ctx.Err() != nil || errors.Is(dialErr, unix.EMFILE):
			err = dialErr
		}
	}
	return false, err
}
