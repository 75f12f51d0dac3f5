package machine

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// TestRelay sends frames from one device to another through a relay.
func TestRelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	ownNetwork(t)
	if err := ip("link add a0 type veth peer name a1", "link add b0 type veth peer name b1",
		"link set a0 up", "link set a1 up", "link set b0 up", "link set b1 up"); err != nil {
		t.Fatal(err)
	}
	r, err := newRelay("a1", "b1", delay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	ends := map[string]int{"a0": 0, "b0": 0}
	for device := range ends {
		if ends[device], err = rawSocket(device); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(ends[device]) })
	}
	for from, to := range map[string]string{"a0": "b0", "b0": "a0"} {
		header := make([]byte, 10)                                                     // virtio_net_hdr: no offloaded work is left
		ethernet := []byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xb5") // an EtherType for experiments
		sent := slices.Concat(header, ethernet, []byte(from))
		buffer := make([]byte, largestFrame)
		begin := time.Now()
		for got := false; !got; { // the first frames are lost if the kernel has not yet noticed that both ends are up
			if _, err := unix.Write(ends[from], sent); err != nil {
				t.Fatal(err)
			}
			n, err := unix.Read(ends[to], buffer)
			if time.Since(begin) > 30*time.Second {
				t.Fatalf("no frame of %s comes out at %s", from, to)
			}
			got = err == nil && bytes.Equal(buffer[:n], sent) // the kernel sends frames, too
		}
		if took := time.Since(begin); took < delay {
			t.Errorf("from %s to %s a frame took %s, want %s or more", from, to, took, delay)
		}
	}
}

// ownNetwork gives the test a separate network namespace, which ends with the test's thread.
func ownNetwork(t *testing.T) {
	t.Helper()
	needs.Root(t, "makes a network namespace")
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}
