package healing

import (
	"sync"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestConnectionsAreOpenedOnce: the goroutines that end clients may open the connections while the loop does, too.
func TestConnectionsAreOpenedOnce(t *testing.T) {
	var c connections
	defer c.close()
	var paths [8]string
	var opening sync.WaitGroup
	start := make(chan struct{})
	for i := range paths {
		opening.Go(func() {
			<-start
			if c.open() == nil { // if the kernel refuses fusectl here, only the race detector can find a fault
				paths[i] = c.path(mount.Device{}, "waiting")
			}
		})
	}
	close(start)
	opening.Wait()
	for _, path := range paths {
		if path != paths[0] {
			t.Fatalf("opened several times: %q", paths)
		}
	}
}
