package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// on runs a program on a machine and returns what it printed, without the last newline.
func on(ctx context.Context, m *lab.Machine, program string, args ...string) (string, error) {
	return result(m.Command(ctx, program, args...))
}

// result runs a command; the error has what it said.
func result(cmd *exec.Cmd) (string, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(said.String()+string(out)))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// write writes a file on a machine.
func write(ctx context.Context, m *lab.Machine, path, text string) error {
	cmd := m.Command(ctx, "sh", "-c", `cat >"$1"`, "sh", path)
	cmd.Stdin = strings.NewReader(text)
	_, err := result(cmd)
	return err
}

// glusterMounts reads a machine's mount table as the kernel has it.
func glusterMounts(ctx context.Context, m *lab.Machine) ([]*mountinfo.Info, error) {
	pid, err := m.Pid(ctx)
	if err != nil {
		return nil, err
	}
	table, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = table.Close() }()
	return mountinfo.GetMountsFromReader(table, mountinfo.FSTypeFilter("fuse.glusterfs"))
}

// eventually asks again and again until the answer is nil, or the limit is over.
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

// fields finds "Key: value" lines.
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
