package fuseclient

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := locks{wait: time.Second}
		release, err := l.acquire(t.Context(), "volume a", "NodeStageVolume")
		if err != nil {
			t.Fatal(err)
		}
		other, err := l.acquire(t.Context(), "volume b", "NodeStageVolume")
		if err != nil {
			t.Fatal("volumes wait for each other")
		}
		other()
		if _, err := l.acquire(t.Context(), "volume a", "NodePublishVolume"); !errors.Is(err, mount.ErrBusy) || !strings.Contains(err.Error(), "NodeStageVolume of volume a is running for 1s") {
			t.Errorf("got %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.acquire(ended, "volume a", "NodePublishVolume"); !errors.Is(err, mount.ErrBusy) {
			t.Errorf("with a context that has ended: %v", err)
		}
		go func() {
			time.Sleep(l.wait / 2)
			release()
		}()
		again, err := l.acquire(t.Context(), "volume a", "NodePublishVolume")
		if err != nil {
			t.Fatalf("released within the wait: %v", err)
		}
		again()
	})
}

func TestPublishesOfOneVolumeQueue(t *testing.T) {
	n := newNode(t)
	n.locks.wait = time.Minute
	n.stage()
	results := make(chan error)
	for i := range 20 {
		go func() { results <- n.publish(string(rune('a'+i)), false) }()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
