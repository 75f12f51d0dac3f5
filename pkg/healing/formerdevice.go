package healing

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// The kernel may give the device number of a client to another client when the first client's last mount is gone. This must not
// happen between two attempts to replace a client's mounts.

// hold keeps a mount of a former client open until the client's mounts are replaced or the volume is unstaged. Until then, no other
// client gets the device number. hold does nothing if point belongs to another device, or if the volume was unstaged meanwhile,
// because nothing would call release then.
func (h *Healer) hold(former tables.Snapshot, point *os.File) {
	at, err := mount.Identify(point)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.memory.get(former.Client)
	if err != nil || !known || at.Device != former.Device || h.held[former.Client] != nil {
		return
	}
	if held, err := duplicate(point); err == nil { // after an error, isReused is the only protection
		h.held[former.Client] = held
	}
}

// duplicate returns the same file with another descriptor.
func duplicate(file *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// release ends hold.
func (h *Healer) release(client string) {
	h.mu.Lock()
	point := h.held[client]
	delete(h.held, client)
	h.mu.Unlock()
	if point != nil {
		_ = point.Close()
	}
}

// isReused reports whether a later client of the driver has, or had, the device number of a former client. The former client then has
// no mount left. A number is reused only while no node plugin runs, because nothing is held then.
func (h *Healer) isReused(former tables.Snapshot) bool {
	isLater := func(client string, d mount.Device) bool {
		return d == former.Device && startOf(client) > startOf(former.Client)
	}
	return slices.ContainsFunc(h.Served(), func(s fuseclient.Served) bool { return isLater(s.Client, s.Device) }) ||
		slices.ContainsFunc(h.memory.list(), func(kept tables.Snapshot) bool { return isLater(kept.Client, kept.Device) })
}

// startOf returns the last part of a client's name: the time of the client's start. All these times have the same length.
func startOf(client string) string { return client[strings.LastIndexByte(client, '-')+1:] }
