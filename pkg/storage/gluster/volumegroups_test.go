package gluster

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVolumeGroups(t *testing.T) {
	const heketis = "/dev/mapper/vg_0123456789abcdef0123456789abcdef-brick_fedcba9876543210fedcba9876543210"
	for _, tc := range []struct {
		name    string
		devices []string
		want    []string
	}{
		{"nothing", nil, nil},
		{"Heketi's", []string{heketis}, []string{"vg_0123456789abcdef0123456789abcdef"}},
		{"several bricks of a group", []string{"/dev/mapper/vg_2-brick_1", "/dev/mapper/vg_1-brick_1", "/dev/mapper/vg_2-brick_2"}, []string{"vg_1", "vg_2"}},
		{"hyphens", []string{"/dev/mapper/my--own--vg-brick--1"}, []string{"my-own-vg"}},
		{"a hyphen at the end", []string{"/dev/mapper/vg----brick", "/dev/mapper/vg---brick"}, []string{"vg-"}},
		{"an option", []string{"/dev/mapper/--force-brick"}, nil},
		{"other devices", []string{"/dev/sdb1", "UUID=1", "/dev/mapper/luks", "/dev/mapper/-x", "/dev/mapper/"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var entries []fileSystem
			for _, device := range tc.devices {
				entries = append(entries, fileSystem{device: device})
			}
			if diff := cmp.Diff(tc.want, volumeGroups(entries)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestActivation: only the groups in the table are activated, and none if the table is empty. While devices are missing, they are
// activated repeatedly, all of them together.
func TestActivation(t *testing.T) {
	mounting(t, func(ctx context.Context, _ func() string) {
		d := newDisks(t)
		d.activate(ctx)
		if log := d.runner.taken(); len(log) > 0 {
			t.Errorf("without entries: %q", log)
		}
		const table = "/dev/mapper/vg_2-brick_1 /bricks/1 xfs rw 1 2\n/dev/mapper/vg_1-brick_2 /bricks/2 xfs rw 1 2\n"
		writeTree(t, d.dir, map[string]string{"fstab": table})
		time.Sleep(time.Minute)
		d.mountAll(ctx)
		time.Sleep(10 * time.Minute)
		log := d.runner.taken()
		if n := len(log); n < 15 || n > 22 {
			t.Errorf("activated %d times in 10 minutes", n)
		}
		if diff := cmp.Diff([]string{"lvm vgchange -ay vg_1 vg_2"}, slices.Compact(log)); diff != "" {
			t.Error(diff)
		}
	})
}
