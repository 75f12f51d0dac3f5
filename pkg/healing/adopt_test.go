package healing

import (
	"context"
	"net"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestAdoptIsRepeated: the record of a volume is lost, and cannot be rebuilt now. The saved mount tables, without which the volume
// would stay forgotten, are kept for the next attempt.
func TestAdoptIsRepeated(t *testing.T) {
	staging := t.TempDir()
	for name, hinder := range map[string]func(ctx context.Context, h *Healer) context.Context{
		"another call for the staging path": func(ctx context.Context, h *Healer) context.Context {
			dialed := make(chan struct{})
			prober := mount.NewProber()
			prober.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
				close(dialed)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			prober.Limit = DefaultLimits().Heal
			h.Manager = newManager(t, &prober)
			staged := make(chan error, 1)
			during, end := context.WithCancel(ctx)
			t.Cleanup(func() {
				end()
				if err := <-staged; err == nil {
					t.Error("the other volume was staged")
				}
			})
			go func() {
				staged <- h.Stage(during, mount.Source{VolumeID: "other", Volume: "vol", Servers: []string{"127.0.0.1"}}, staging)
			}()
			<-dialed
			return ctx
		},
		"the driver ends while other volumes are examined": func(ctx context.Context, h *Healer) context.Context {
			h.Manager = newManager(t, nil)
			h.slots.TryAcquire(int64(h.limits.AtOnce))
			ending, end := context.WithCancel(ctx)
			end()
			return ending
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHealer(t)
			ctx := hinder(t.Context(), h)
			for _, client := range []string{"a", "b"} {
				if err := h.memory.put(tables.Snapshot{VolumeID: "id", Client: client, StagingPath: staging}); err != nil {
					t.Fatal(err)
				}
			}
			if complete, lives := h.repair(ctx, "id"); complete || lives {
				t.Errorf("complete: %t, lives: %t", complete, lives)
			}
			if kept := h.memory.list(); len(kept) != 2 {
				t.Errorf("kept are %+v", kept)
			}
		})
	}
}

// newManager returns a Manager on a node without volumes.
func newManager(t *testing.T, prober *mount.Prober) *fuseclient.Manager {
	t.Helper()
	m, err := fuseclient.NewManager(t.Context(), fuseclient.Config{StateDir: t.TempDir(), Prober: prober})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}
