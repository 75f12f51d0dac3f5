package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// The number of files in clientMemory exceeds the baseline's limit.
const (
	lruDirectories, lruFiles = 70, 1000 // files in each directory
	lruBaseline              = "lru-limit=65536"
	lruAtOnce                = 16
)

// clientMemory accesses many files through a new client, which by default forgets none, and in turns through one that forgets
// some because of GlusterFS's default limit. The figure is the client's memory afterwards.
func clientMemory(ctx context.Context, b *bench) ([]row, error) {
	v, err := b.createWith(ctx, b.name("lru"), map[string]string{"volumetype": "none"})
	if err != nil {
		return nil, err
	}
	p, err := b.place("lru")
	if err != nil {
		return nil, err
	}
	if _, err := b.useWithClient(ctx, v, p, "make-files"); err != nil {
		return nil, err
	}
	s, err := alternate(ctx, b.runs(3),
		func(ctx context.Context) ([]float64, error) { return b.useWithClient(ctx, v, p, "see-files") },
		func(ctx context.Context) ([]float64, error) {
			return b.useWithClient(ctx, v, p, "see-files", lruBaseline)
		})
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("VmRSS of a client that has looked at each of %d files once, without a limit for what it keeps", lruDirectories*lruFiles)
	return []row{newRow("client-memory", "MiB", "mount option "+lruBaseline, s[0], toCompare(), note)}, b.remove(ctx, v)
}

// useWithClient runs some work in a volume through a new client with mount options, and returns that client's memory in MiB.
func (b *bench) useWithClient(ctx context.Context, v *csi.Volume, p place, work string, flags ...string) ([]float64, error) {
	if err := b.stage(ctx, v, p, flags...); err != nil {
		return nil, err
	}
	if _, err := onMachine(ctx, b.lab.Node(1), work, filepath.Join(p.staging, "files")); err != nil {
		return nil, err
	}
	clients, err := outside.Clients(ctx, b.lab.Node(1), "")
	if err != nil {
		return nil, err
	}
	if len(clients) != 1 {
		return nil, fmt.Errorf("the volume has %d clients, want 1: %v", len(clients), clients)
	}
	status, err := b.lab.Node(1).Output(ctx, "cat", "/proc/"+clients[0].PID+"/status")
	if err != nil {
		return nil, err
	}
	memory, err := memoryIn(status, "VmRSS")
	if err != nil {
		return nil, err
	}
	if err := b.unstage(ctx, v, p); err != nil {
		return nil, err
	}
	return []float64{memory}, b.quiet(ctx)
}

// makeFiles creates the files, which are empty.
func makeFiles(root string) error {
	return inDirectories(root, func(dir string) error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for i := range lruFiles {
			if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
}

// seeFiles stats each file.
func seeFiles(root string) error {
	return inDirectories(root, func(dir string) error {
		found := 0
		err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil {
				_, err = entry.Info()
			}
			found++
			return err
		})
		if err == nil && found != 1+lruFiles {
			err = fmt.Errorf("%s has %d files, want %d", dir, found-1, lruFiles)
		}
		return err
	})
}

func inDirectories(root string, do func(dir string) error) error {
	var group errgroup.Group
	group.SetLimit(lruAtOnce)
	for i := range lruDirectories {
		group.Go(func() error { return do(filepath.Join(root, strconv.Itoa(i))) })
	}
	return group.Wait()
}
