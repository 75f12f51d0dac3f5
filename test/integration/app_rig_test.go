package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// app uses a volume as applications do: it writes, reads, and lists directories that belong to users other than root.
type app struct {
	r       *rig
	dir     string
	files   int
	stopped chan struct{}
	ended   chan error
}

const appFiles = 100 // enough for a rebalance of about ten seconds

// startApp creates files and directories, and continues to use them until it is stopped.
func (r *rig) startApp(n *node, target string) *app {
	r.Helper()
	a := &app{r: r, dir: r.inside(n, target), stopped: make(chan struct{}), ended: make(chan error, 1)}
	for i := range appDirs {
		r.ok(os.Mkdir(a.sub(i), 0o700), "make a directory")
		r.ok(errors.Join(os.Chown(a.sub(i), 1000+i, 2000+i), os.Chmod(a.sub(i), os.ModeSetgid|0o750)), "give it away")
	}
	r.ok(errors.Join(os.Chown(a.dir, 999, 2999), os.Chmod(a.dir, 0o700)), "give the volume's root away")
	for range appFiles {
		r.ok(a.writeOne(), "write a file")
	}
	go func() { a.ended <- a.run() }()
	return a
}

const appDirs = 5

func (a *app) sub(i int) string { return filepath.Join(a.dir, fmt.Sprintf("dir-%d", i)) }

func (a *app) file(i int) string { return filepath.Join(a.sub(i%appDirs), fmt.Sprintf("file-%d", i)) }

func content(i int) string { return strings.Repeat(fmt.Sprintf("%d ", i), 1000) }

func (a *app) writeOne() error {
	defer func() { a.files++ }()
	return os.WriteFile(a.file(a.files), []byte(content(a.files)), 0o600)
}

func (a *app) run() error {
	for i := 0; ; i++ {
		select {
		case <-a.stopped:
			return nil
		default:
		}
		if err := errors.Join(a.writeOne(), a.readOne(i*7%a.files), a.look()); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		time.Sleep(100 * time.Millisecond) // each file makes the rebalance longer
	}
}

func (a *app) readOne(i int) error {
	data, err := os.ReadFile(a.file(i))
	if err == nil && string(data) != content(i) {
		err = fmt.Errorf("%s: %d bytes that are not its own", a.file(i), len(data))
	}
	return err
}

// look compares the directories with their initial state.
func (a *app) look() error {
	err := is(a.dir, os.ModeDir|0o700, 999, 2999)
	for d := range appDirs {
		err = errors.Join(err, is(a.sub(d), os.ModeDir|os.ModeSetgid|0o750, 1000+d, 2000+d))
	}
	return err
}

func is(path string, mode os.FileMode, uid, gid int) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // on Linux
	if info.Mode() != mode || int(owner.Uid) != uid || int(owner.Gid) != gid {
		return fmt.Errorf("%s is %v of %d:%d, want %v of %d:%d", path, info.Mode(), owner.Uid, owner.Gid, mode, uid, gid)
	}
	return nil
}

// stop ends the application, and checks everything again.
func (a *app) stop() {
	a.r.Helper()
	close(a.stopped)
	a.r.ok(<-a.ended, "the application")
	for i := range a.files {
		a.r.ok(a.readOne(i), "the application's files")
	}
	a.r.ok(a.look(), "the application's directories")
	// Only now: a directory whose layout changes while it is listed can show some entries twice.
	a.r.eventually(commandLimit, "the list is complete", func() error {
		entries, err := os.ReadDir(a.dir)
		if err == nil && len(entries) != appDirs {
			err = fmt.Errorf("the root has %v, want %d directories", entries, appDirs)
		}
		return err
	})
}
