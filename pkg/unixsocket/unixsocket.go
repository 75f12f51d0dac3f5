// Package unixsocket opens the unix sockets on which the driver serves the kubelet and the CSI sidecars. Only the owner and root
// can connect. Listen replaces the socket file of a dead process, and returns an error if another process still answers on the
// socket. The directory must exist, and Listen locks it for a moment (package dirlock). Closing the listener removes the socket
// file.
package unixsocket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/dirlock"
)

// Path returns the path of a CSI endpoint: unix:///path, unix:/path or a plain absolute path. CSI endpoints must be unix sockets,
// because a client that can call a driver has the power of root on the node.
func Path(endpoint string) (string, error) {
	path := strings.TrimPrefix(endpoint, "unix:")
	path = strings.TrimPrefix(path, "//")
	const longest = 107 // sun_path of unix(7), less the terminating byte
	if len(path) > longest {
		return "", fmt.Errorf("endpoint %q: the path of a unix socket must be at most %d bytes long", endpoint, longest)
	}
	if !filepath.IsAbs(path) || path == "/" || filepath.Clean(path) != path {
		return "", fmt.Errorf("endpoint %q must be a unix socket, as in unix:///csi/csi.sock", endpoint)
	}
	return path, nil
}

// Listen opens the unix socket at path. The socket file of a dead process is replaced. If another process answers on the socket,
// Listen returns an error, because each of two drivers on one socket would get half of the calls.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	listener, err := listen(ctx, path, stalePatience)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	return listener, nil
}

func listen(ctx context.Context, path string, patience time.Duration) (net.Listener, error) {
	// Without the lock, two processes that start at once could find the same stale socket, and the second would remove the socket
	// that the first has just made.
	unlock, err := dirlock.Lock(ctx, filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeStale(ctx, path, patience); err != nil {
		return nil, err
	}
	return (&net.ListenConfig{Control: ownerOnly}).Listen(ctx, "unix", path)
}

// ownerOnly gives a socket mode 0600 before it is bound: connecting requires write permission, and a client that can call a
// driver has the power of root on the node. The file gets the socket's mode, less the umask, so that it never has another mode.
func ownerOnly(_, _ string, socket syscall.RawConn) error {
	var err error
	return errors.Join(socket.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }), err)
}

func removeStale(ctx context.Context, path string, patience time.Duration) error {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("it exists and is not a socket; remove it or choose another path")
	}
	if err := waitForNoAnswer(ctx, path, patience); err != nil {
		return err
	}
	return os.Remove(path)
}

// stalePatience is how long a stale socket may still accept connections. A child of a killed process also holds the socket until
// it executes its program.
const stalePatience = 2 * time.Second

// waitForNoAnswer returns nil as soon as connections to the socket are refused.
func waitForNoAnswer(ctx context.Context, path string, patience time.Duration) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (refused bool, err error) {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("finding out whether another process answers there: %w", err)
		}
		_ = conn.Close()
		return false, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return errors.New("another process answers there; stop it or choose another path")
	}
	return err
}
