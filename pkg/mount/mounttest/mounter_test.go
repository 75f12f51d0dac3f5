package mounttest_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestLifeOfAVolume(t *testing.T) {
	ctx, m, dir := t.Context(), mounttest.New(), t.TempDir()
	target := filepath.Join(dir, "target")
	staging := filepath.Join(dir, "staging")
	if err := os.Mkdir(staging, 0o755); err != nil {
		t.Fatal(err)
	}
	source := mount.Source{VolumeID: "v", Servers: []string{"gluster1"}, Volume: "vol"}
	other := source
	other.Volume = "another"
	p := mount.Publication{VolumeID: "v", StagingPath: staging, TargetPath: target}
	mistaken := p
	mistaken.Source = &other
	readOnly := p
	readOnly.ReadOnly = true
	stats := func(path string) error { _, err := m.Stats(ctx, "v", path); return err }
	exists := func() error { _, err := os.Stat(target); return err }
	for i, step := range []struct {
		got  error
		want error
	}{
		{m.Publish(ctx, p), mount.ErrNotStaged},
		{m.Stage(ctx, source, filepath.Join(dir, "missing")), mount.ErrInvalid},
		{m.Stage(ctx, source, "relative"), mount.ErrInvalid},
		{m.Stage(ctx, source, staging), nil},
		{m.Stage(ctx, source, staging), nil},
		{m.Stage(ctx, other, staging), mount.ErrConflict},
		{stats(target), mount.ErrNotMounted},
		{m.Publish(ctx, mistaken), mount.ErrConflict},
		{m.Publish(ctx, p), nil},
		{m.Publish(ctx, mistaken), nil},
		{m.Publish(ctx, readOnly), mount.ErrConflict},
		{exists(), nil},
		{stats(target), nil},
		{stats(staging), nil},
		{m.Unpublish(ctx, "another", target), mount.ErrInvalid},
		{m.Unpublish(ctx, "v", target), nil},
		{m.Unpublish(ctx, "v", target), nil},
		{exists(), os.ErrNotExist},
		{m.Unstage(ctx, "v", staging), nil},
		{m.Unstage(ctx, "v", staging), nil},
		{m.Publish(ctx, p), mount.ErrNotStaged},
	} {
		if !errors.Is(step.got, step.want) {
			t.Errorf("step %d: got %v, want %v", i, step.got, step.want)
		}
	}
}
