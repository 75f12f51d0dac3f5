package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// on runs a program on a machine and returns its output without the last newline.
func on(ctx context.Context, m *lab.Machine, program string, args ...string) (string, error) {
	out, err := m.Output(ctx, program, args...)
	return strings.TrimSuffix(out, "\n"), err
}

// write writes a file on a machine.
func write(ctx context.Context, m *lab.Machine, path, text string) error {
	cmd := m.Command(ctx, "sh", "-c", `cat >"$1"`, "sh", path)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("write %s on %s: %w: %s", path, m.Name, err, out)
	}
	return nil
}

// glusterMounts lists the mounts of GlusterFS on a machine.
func glusterMounts(ctx context.Context, m *lab.Machine) ([]*mountinfo.Info, error) {
	return outside.Mounts(ctx, m, mountinfo.FSTypeFilter("fuse.glusterfs"))
}

// eventually calls the function repeatedly until it returns nil or the limit is over.
func eventually(ctx context.Context, limit time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still so after %s: %w", limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// fields parses "Key: value" lines.
func fields(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			found[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return found
}

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

var errLeft = errors.New("left behind")
