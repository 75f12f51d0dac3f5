package gluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/logfiles"
)

// container goes through a container's whole life with real processes and mounts; only GlusterFS and LVM are fakes.
type container struct {
	t       *testing.T
	state   fakeDir
	dir     string
	address string
}

// startContainer starts a container with the bricks good and bad; the device of bad is missing.
func startContainer(t *testing.T, ctx context.Context) (c *container, done chan error) { //nolint:revive // t comes first in tests
	t.Helper()
	c = &container{t: t, state: useFakes(t), dir: t.TempDir()}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = listener.Addr().String()
	_ = listener.Close()
	c.state.write("pending", "3")
	writeTree(t, c.dir, map[string]string{
		"templates/glusterd.vol": "new", "etc/": "", "dev/good": "", "logs/glusterd.log": "a log that is too large",
		"fstab": fmt.Sprintf("%s %s tmpfs rw,noatime,mode=700 1 2\n%s %s tmpfs rw 1 2\n", c.path("dev/good"), c.path("mounts/good"), c.path("dev/bad"), c.path("mounts/bad")),
	})
	config := Config{
		HealthAddress: c.address, Templates: []Template{{From: c.path("templates"), To: c.path("etc")}},
		Fstab: c.path("fstab"), RunDir: c.path("run"), PIDFile: c.path("pid"),
		Logs: logfiles.Keeper{Dir: c.path("logs"), Limits: logfiles.Limits{Size: 10, Copies: 1, Age: time.Hour}},
	}
	l := defaultLimits()
	l.mountRetry, l.backOff, l.settle, l.healPause, l.bricksPause = 200*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond, 0, 0
	done = make(chan error, 1)
	go func() { done <- runWithin(ctx, config, l) }()
	return c, done
}

func (c *container) path(name string) string { return filepath.Join(c.dir, name) }

// get returns the status code and text of an answer.
func (c *container) get(path string) string {
	response, err := http.Get("http://" + c.address + path)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, strings.TrimSpace(string(body)))
}

// awaitReady waits for an answer of /readyz.
func (c *container) awaitReady(want string) {
	c.t.Helper()
	got := ""
	defer func() {
		if c.t.Failed() {
			c.t.Logf("/readyz: %s", got)
		}
	}()
	waitFor(c.t, "/readyz: "+want, func() bool { got = c.get("/readyz"); return got == want })
}

func (c *container) mounted() (names []string) {
	points, err := mountPoints()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range points {
		if name, ok := strings.CutPrefix(p, c.path("mounts")+"/"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestLifeOfAContainer(t *testing.T) {
	if !asFirstProcess(t) {
		return
	}
	logs, _ := logged(t)
	ctx, cancel := context.WithCancel(logs)
	defer cancel()
	c, done := startContainer(t, ctx)

	c.awaitReady("503 volume vol_1: 3 entries wait for self-heal")
	if got := c.mounted(); !slices.Equal(got, []string{"good"}) {
		t.Errorf("mounted: %q", got)
	}
	if data, err := os.ReadFile(c.path("etc/glusterd.vol")); err != nil || string(data) != "new" {
		t.Errorf("%s, %v", data, err)
	}
	waitFor(t, "the log to be emptied", func() bool {
		info, err := os.Stat(c.path("logs/glusterd.log"))
		return err == nil && info.Size() == 0
	})
	c.state.write("pending", "0")
	c.awaitReady("200 ok")
	c.state.write("pending", "5")
	if got := c.get("/readyz"); got != "200 ok" {
		t.Errorf("a backlog from later: %s", got)
	}

	waitFor(t, "the brick", func() bool { return c.state.pid("brick") != 0 }) // the fake glusterd does not wait for the brick
	brick, first := c.state.pid("brick"), c.state.pid("glusterd")
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another glusterd", func() bool { return c.state.pid("glusterd") != first })
	c.awaitReady("200 ok")
	if got := c.get("/healthz"); got != "200 ok" {
		t.Error(got)
	}

	second := c.state.pid("glusterd")
	writeTree(t, c.dir, map[string]string{"dev/bad": ""})
	waitFor(t, "the late brick", func() bool { return slices.Equal(c.mounted(), []string{"bad", "good"}) })
	waitFor(t, "glusterd's restart", func() bool { return c.state.pid("glusterd") != second })
	c.awaitReady("200 ok")
	if got := c.state.pid("brick"); got != brick || syscall.Kill(brick, 0) != nil {
		t.Errorf("the brick was %d and is %d", brick, got)
	}

	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := c.mounted(); len(got) > 0 {
		t.Errorf("left mounted: %q", got)
	}
	if children, err := childrenOf("/proc", os.Getpid()); err != nil || len(children) > 0 {
		t.Errorf("left running: %v, %v", children, err)
	}
	start := "glusterd -N -p " + c.path("pid") + " --log-level INFO"
	want := []string{start, start, "glusterd terminated", start, "glusterd terminated", "brick terminated"}
	if diff := cmp.Diff(want, strings.Split(c.state.read("log"), "\n")); diff != "" {
		t.Error(diff)
	}
}
