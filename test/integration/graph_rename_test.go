package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// savedFiles is the number of files that an application saves repeatedly, and saveTime how long it continues after each graph
// change.
const (
	savedFiles = 50
	saveTime   = 2 * time.Second
)

// TestSavesDuringGraphChanges saves files as editors and databases do, by writing a new file and renaming it, while options of
// the volume are set. Nothing may fail, with the profile general and with small-files, whose clients cache the longest.
func TestSavesDuringGraphChanges(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	for _, profile := range []string{"general", "small-files"} {
		r.Run(profile, func(t *testing.T) {
			r := r.on(t)
			v := r.create(createRequest(map[string]string{"profile": profile}))
			dir := r.inside(n, r.publish(n, v, r.stage(n, v), false), "saved")
			r.ok(os.Mkdir(dir, 0o700), "make a directory")
			ctx, stop := context.WithCancel(r.Context())
			defer stop()
			saved := make(chan error, 1)
			go func() { saved <- saveAll(ctx, dir) }()
			for range 4 {
				for _, value := range []string{"off", "on"} {
					r.gluster(1, "volume", "set", nameOf(v), "performance.quick-read", value)
					time.Sleep(saveTime)
				}
			}
			stop()
			r.ok(<-saved, "save files while the client's graph changes")
		})
	}
}

// saveAll saves files and reads them until ctx ends, and returns the first errors.
func saveAll(ctx context.Context, dir string) error {
	var failed []error
	for i := 0; ctx.Err() == nil && len(failed) < 10; i++ {
		path := filepath.Join(dir, strconv.Itoa(i%savedFiles))
		err := errors.Join(os.WriteFile(path+".new", []byte(path), 0o600), os.Rename(path+".new", path))
		if content, readErr := os.ReadFile(path); err == nil && (readErr != nil || string(content) != path) {
			err = fmt.Errorf("%s has %q after it was saved: %w", path, content, readErr)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("save %d: %w", i, err))
		}
	}
	return errors.Join(failed...)
}
