package fusequery

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// maxPacket is the maximum size of a packet in bytes. A path has at most 4,096 bytes; the names of 500 bricks fit.
const maxPacket = 1 << 16

// kind is the kind of a question.
type kind string

const (
	kindGetattr   kind = "getattr"
	kindEnded     kind = "ended"
	kindEndedAt   kind = "ended at"
	kindStatfs    kind = "statfs"
	kindOpenMeta  kind = "open .meta"
	kindReadMeta  kind = "read .meta"
	kindReadGraph kind = "read the graph"
	kindGraph     kind = "graph"
	kindOpen      kind = "open"
	kindChanged   kind = "changed since"
	kindSymlinks  kind = "symbolic links"
)

// request is a packet to a worker: one question.
type request struct {
	ID     uint64       `json:"id"`
	Kind   kind         `json:"kind"`
	Path   string       `json:"path,omitempty"`
	Name   string       `json:"name,omitempty"` // name in Path
	Device mount.Device `json:"device,omitzero"`
	Mounts bool         `json:"mounts,omitempty"` // Path may lead across mount points
	Since  int64        `json:"since,omitempty"`  // nanoseconds since 1970
	Most   int          `json:"most,omitempty"`   // maximum number of names
}

// answer is a packet from a worker. ID 0 means that the worker is ready. A packet with a thread is not an answer yet: it names
// the thread that is waiting for the client.
type answer struct {
	ID      uint64       `json:"id"`
	Thread  int          `json:"thread,omitempty"`
	Failure *failure     `json:"failure,omitempty"`
	Device  mount.Device `json:"device,omitzero"`
	Ended   bool         `json:"ended,omitempty"`
	Stats   mount.Stats  `json:"stats,omitzero"`
	Health  mount.Health `json:"health,omitzero"`
	Graph   mount.Graph  `json:"graph,omitzero"`
	Path    string       `json:"path,omitempty"`
	Names   []string     `json:"names,omitempty"`

	file *os.File
}

// failure is an error as it is sent to the asker.
type failure struct {
	Text       string     `json:"text"`
	Errno      unix.Errno `json:"errno,omitempty"`
	NotMounted bool       `json:"notMounted,omitempty"`
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error(), NotMounted: errors.Is(err, mount.ErrNotMounted)}
	_ = errors.As(err, &f.Errno)
	return f
}

func (f *failure) err() error {
	switch {
	case f == nil:
		return nil
	case f.NotMounted:
		return remoteError{f.Text, mount.ErrNotMounted}
	case f.Errno == 0:
		return errors.New(f.Text)
	case f.Text == f.Errno.Error():
		return f.Errno
	}
	return remoteError{f.Text, f.Errno}
}

// remoteError is an error from the worker, with the error that it wraps.
type remoteError struct {
	text  string
	cause error
}

func (e remoteError) Error() string { return e.text }
func (e remoteError) Unwrap() error { return e.cause }

// sendPacket sends v and the descriptor of file, which may be nil.
func sendPacket(conn *net.UnixConn, v any, file *os.File) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > maxPacket {
		return fmt.Errorf("a packet of %d bytes is too long: %w", len(data), unix.EMSGSIZE)
	}
	if file == nil {
		_, _, err = conn.WriteMsgUnix(data, nil, nil)
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	// The descriptor stays open until the function returns.
	if controlErr := raw.Control(func(fd uintptr) {
		_, _, err = conn.WriteMsgUnix(data, unix.UnixRights(int(fd)), nil)
	}); controlErr != nil {
		return controlErr
	}
	return err
}

// receivePacket decodes a packet into v, and returns the file whose descriptor came with it, or nil.
func receivePacket(conn *net.UnixConn, buf []byte, v any) (*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, err
	}
	file, err := fileIn(oob[:oobn])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(buf[:n], v); err != nil {
		if file != nil {
			_ = file.Close()
		}
		return nil, fmt.Errorf("packet: %w", err)
	}
	return file, nil
}

func fileIn(oob []byte) (*os.File, error) {
	if len(oob) == 0 {
		return nil, nil //nolint:nilnil // as receivePacket
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if len(messages) == 0 {
		return nil, fmt.Errorf("packet: %w", cmp.Or(err, error(unix.EINVAL)))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, fmt.Errorf("packet: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "received"), nil
}
