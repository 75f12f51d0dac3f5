package healing

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// fakeVolume is a FUSE client in this process. Like a GlusterFS client, it gives the kernel other numbers for its nodes after a
// change of its graph, and the same inode numbers. The kernel keeps no directory entry, so that it notices the change at once.
type fakeVolume struct {
	dev   int
	graph atomic.Uint64
}

// fakeEntries holds the directories of a fakeVolume: a directory in a directory, with a file. Files are known by their inode numbers.
var fakeEntries = map[uint64]map[string]uint64{1: {"sub": 2}, 2: {"deep": 3}, 3: {"file": fakeFile}}

const fakeFile = 4

// mountFake mounts a fakeVolume until the test ends.
func mountFake(t *testing.T, path string) (*fakeVolume, mount.Device) {
	t.Helper()
	v := &fakeVolume{dev: openFuse(t)}
	device := mountAt(t, path, "server:/vol", mount.FSType, fuseOptions(v.dev))
	go v.serve()
	return v, device
}

// changeGraph gives all nodes but the root other numbers.
func (v *fakeVolume) changeGraph() { v.graph.Add(1) }

// serve answers requests until the volume is unmounted.
func (v *fakeVolume) serve() {
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(v.dev, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT): // ENOENT: the caller has given up
			continue
		case err != nil:
			return
		}
		v.answer(buf[:n])
	}
}

// answer answers one request, with the structures of linux/fuse.h.
func (v *fakeVolume) answer(request []byte) {
	const lookup, forget, getattr, initialize, interrupt, forgetMany, headerSize = 1, 2, 3, 26, 36, 42, 40
	e := binary.NativeEndian
	kind, unique, inode := e.Uint32(request[4:]), e.Uint64(request[8:]), e.Uint64(request[16:])&0xffffffff
	var errno unix.Errno
	var body any
	switch kind {
	case forget, forgetMany, interrupt:
		return
	case initialize:
		body = struct {
			Major, Minor, ReadAhead, Flags uint32
			Background, Congestion         uint16
			MaxWrite, Granularity          uint32
			MaxPages, Alignment            uint16
			Unused                         [8]uint32
		}{Major: 7, Minor: 31, MaxWrite: 4096, Granularity: 1}
	case lookup:
		name := request[headerSize : len(request)-1] // it ends in a zero
		child, exists := fakeEntries[inode][string(name)]
		if !exists {
			errno = unix.ENOENT
			break
		}
		body = struct {
			Node, Generation, EntryValid, AttrValid uint64
			EntryNsec, AttrNsec                     uint32
			Attr                                    fakeAttr
		}{Node: v.graph.Load()<<32 | child, AttrValid: 3600, Attr: newFakeAttr(child)}
	case getattr:
		body = struct {
			AttrValid   uint64
			Nsec, Dummy uint32
			Attr        fakeAttr
		}{AttrValid: 3600, Attr: newFakeAttr(inode)}
	default:
		errno = unix.ENOSYS
	}
	var data []byte
	if body != nil {
		data, _ = binary.Append(nil, e, body)
	}
	reply := e.AppendUint32(nil, uint32(16+len(data)))
	reply = e.AppendUint32(reply, uint32(-int32(errno)))
	reply = e.AppendUint64(reply, unique)
	_, _ = unix.Write(v.dev, append(reply, data...)) // it fails if the caller has given up
}

type fakeAttr struct {
	Inode, Size, Blocks, Atime, Mtime, Ctime                                              uint64
	AtimeNsec, MtimeNsec, CtimeNsec, Mode, Links, UID, GID, Device, BlockSize, Attributes uint32
}

func newFakeAttr(inode uint64) fakeAttr {
	a := fakeAttr{Inode: inode, Mode: unix.S_IFDIR | 0o755, Links: 2, BlockSize: 4096}
	if inode == fakeFile {
		a.Mode, a.Links = unix.S_IFREG|0o644, 1
	}
	return a
}
