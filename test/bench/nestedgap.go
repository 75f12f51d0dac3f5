package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
)

const (
	gapBaseline = 0.02 // seconds
	gapLimit    = time.Minute
	// gapOver is how long a restored mount has to stay. The kernel looks an entry up again after a second, so that within this
	// time it has dropped everything that it will drop.
	gapOver = 3 * time.Second
	// gapLook is the pause between two looks; it keeps the loop from taking a core from the repair.
	gapLook = 100 * time.Microsecond
)

// nestedMountGap changes the graph of a volume's client. The kernel then drops a mount that a container has inside the volume.
// The figure is the time until the mount is restored.
func nestedMountGap(ctx context.Context, b *bench) ([]row, error) {
	const point = "/data/tmp"
	scratch := filepath.Join(b.lab.NodeDir(1), "gap", "scratch")
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return nil, err
	}
	return b.withContainer(ctx, "gap", []string{scratch, point}, func(ctx context.Context, v *csi.Volume, c *container) ([]row, error) {
		option := "off"
		var sinceSeen []float64
		ours := func(ctx context.Context) ([]float64, error) {
			option = map[string]string{"off": "on", "on": "off"}[option]
			command := "gluster --mode=script volume set " + v.GetVolumeContext()["volume"] + " performance.nl-cache " + option
			changed := make(chan error, 1)
			go func() {
				if err := sleep(ctx, time.Second); err != nil { // until the loop in the container runs
					changed <- err
					return
				}
				changed <- shell(ctx, b.lab.Storage(1), command)
			}()
			answer, err := c.run(ctx, "gap", point)
			if err := errors.Join(err, <-changed); err != nil {
				return nil, err
			}
			sinceSeen = append(sinceSeen, answer.Both[1])
			return answer.Both[:1], sleep(ctx, noticed)
		}
		s, err := alternate(ctx, b.runs(20), ours, fixed(gapBaseline))
		if err != nil {
			return nil, err
		}
		note := fmt.Sprintf("after gluster volume set, from the beginning of the first stat in the container that does not find the mount, "+
			"which includes its wait for the client's new graph; from the end of that stat: %s s; a stat every %s", spreadOf(sinceSeen), gapLook)
		return []row{newRow("nested-mount-gap", "s", "0.02 s", s[0], atMost(1), note)}, nil
	})
}

// awayFor waits until the mount at a path is dropped and then present again for gapOver. It returns how many seconds the mount
// was missing, counted from the beginning and from the end of the first look that missed it. If the mount is dropped several
// times, both figures are sums. A mount that was missing only between two looks was missing at most for the time between them.
func awayFor(point string) ([]float64, error) {
	first, err := mountAt(point)
	if err != nil {
		return nil, err
	}
	var missed, seen time.Time // beginning and end of the first look of a gap
	var back time.Time
	last, looked := first, time.Now() // the mount at the last look, and the time of that look
	away := make([]float64, 2)
	for begin := time.Now(); time.Since(begin) < gapLimit; time.Sleep(gapLook) {
		look := time.Now()
		there, err := mountAt(point)
		now := time.Now()
		if err != nil || there.device != first.device {
			if missed.IsZero() {
				missed, seen = look, now
			}
			continue
		}
		if there != last && missed.IsZero() {
			missed, seen = looked, looked
		}
		if !missed.IsZero() {
			away[0] += now.Sub(missed).Seconds()
			away[1] += now.Sub(seen).Seconds()
			missed, back = time.Time{}, now
		}
		if !back.IsZero() && now.Sub(back) > gapOver {
			return away, nil
		}
		last, looked = there, now
	}
	if !missed.IsZero() {
		return nil, fmt.Errorf("what was mounted at %s has not come back within %s", point, gapLimit)
	}
	return nil, fmt.Errorf("the kernel has dropped nothing at %s within %s", point, gapLimit)
}

// mounted identifies the mount of a path: a restored mount has another number, but the same device. Before Linux 6.8 the number
// is 0.
type mounted struct{ device, mount uint64 }

func mountAt(path string) (mounted, error) {
	var stat unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID_UNIQUE, &stat); err != nil {
		return mounted{}, fmt.Errorf("%s: %w", path, err)
	}
	return mounted{unix.Mkdev(stat.Dev_major, stat.Dev_minor), stat.Mnt_id}, nil
}
