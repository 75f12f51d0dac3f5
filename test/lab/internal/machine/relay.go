package machine

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// relay forwards Ethernet frames between two network devices, in both directions, each a fixed time after its arrival.
type relay struct {
	delay   time.Duration
	stopped atomic.Bool
	ends    [2]int // raw sockets
	running sync.WaitGroup
}

type frame struct {
	due  time.Time
	data []byte
}

const (
	largestFrame = 1 << 17 // 64 KiB and headers: the devices do the segmentation
	inFlight     = 1 << 13 // frames in each direction; further frames are dropped, as in a router
	stopLatency  = 100 * time.Millisecond
)

func newRelay(a, b string, delay time.Duration) (*relay, error) {
	near, err := rawSocket(a)
	if err != nil {
		return nil, err
	}
	far, err := rawSocket(b)
	if err != nil {
		return nil, errors.Join(err, unix.Close(near))
	}
	r := &relay{delay: delay, ends: [2]int{near, far}}
	for i := range r.ends {
		frames := make(chan frame, inFlight)
		r.running.Go(func() { r.receive(r.ends[i], frames) })
		r.running.Go(func() { r.send(r.ends[1-i], frames) })
	}
	return r, nil
}

// rawSocket returns a socket that receives the frames that arrive at the device. Each has a header that describes the work that
// the device left undone: a checksum, or cutting the frame into packets.
func rawSocket(device string) (int, error) {
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("raw socket: %w", err)
	}
	wait := unix.NsecToTimeval(stopLatency.Nanoseconds())
	const all = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00 // in network byte order
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: dev.Index}),
	)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("raw socket of %s: %w", device, err), unix.Close(fd))
	}
	return fd, nil
}

func (r *relay) receive(fd int, frames chan<- frame) {
	defer close(frames)
	buffer := make([]byte, largestFrame)
	for !r.stopped.Load() {
		n, err := unix.Read(fd, buffer)
		if err != nil { // no frame for a while, or the machine is off
			continue
		}
		select {
		case frames <- frame{time.Now().Add(r.delay), slices.Clone(buffer[:n])}:
		default:
		}
	}
}

// send runs on a separate thread and sleeps there, because a Go timer may be a millisecond late.
func (r *relay) send(fd int, frames <-chan frame) {
	runtime.LockOSThread()
	for f := range frames {
		if left := time.Until(f.due); left > 0 {
			pause := unix.NsecToTimespec(left.Nanoseconds())
			_ = unix.Nanosleep(&pause, nil)
		}
		_, _ = unix.Write(fd, f.data) // fails if the machine is off or its cable is unplugged
	}
}

func (r *relay) stop() {
	r.stopped.Store(true)
	r.running.Wait()
	for _, fd := range r.ends {
		_ = unix.Close(fd)
	}
}
