package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// stepLimit ends a step that hangs.
const stepLimit = 2 * time.Minute

// demo holds the state that the steps share.
type demo struct {
	*screen
	lab        *lab.Lab
	controller csi.ControllerClient
	nodes      []*node
	volume     *csi.Volume
	bricks     []outside.Brick
	pages      map[string]string // content written into the volume, by file name
	cut        *lab.Machine      // the storage node that lost its power
	stopServer func()
	figures    figures
}

// figures are shown in the summary.
type figures struct {
	created, staged, gap, healed time.Duration
	born                         time.Time
	life                         time.Duration
}

// node is a client machine with the node plugin on it.
type node struct {
	*lab.Machine
	csi.NodeClient
	staging, target string
}

type step struct {
	headline string
	run      func(context.Context, *demo) error
}

func steps() []step {
	return []step{
		{"Create a volume: 2 GiB, three copies of every file", createVolume},
		{"Look at it with Heketi's and with GlusterFS's own tools", lookAtVolume},
		{"Mount it on node 1 and on node 2", mountVolume},
		{"Write a page on node 1, serve it from node 2, fetch it over the network", servePage},
		{"Find the page on the three bricks", findOnBricks},
		{"Cut the power of the storage node that was mounted from, and carry on", cutPower},
		{"Bring it back, and watch it catch up", bringBack},
		{"Ask how full the volume is", askStats},
		{"Unmount it on both nodes", unmountVolume},
		{"Delete it", deleteVolume},
		{"Prove that nothing is left of it", proveGone},
	}
}

// show runs the demo. It always ends the lab.
func show(ctx context.Context, driver, dir string, s *screen) (err error) {
	begin := time.Now()
	s.title("glusterfs-csi: the life of a volume",
		"    Three GlusterFS nodes, a Heketi, the driver's controller, and two nodes with its node plugin.",
		"    Real servers, each machine with its own network, mounts and processes, all on this one.")
	s.headline("Start the servers")
	s.called("lab", "up, in %s", dir)
	l, err := lab.Up(ctx, lab.Options{Dir: dir, Driver: driver, Out: &progress{screen: s}, EndWithCaller: true})
	if err != nil {
		s.failed(err, filepath.Join(dir, "log"))
		return errors.New("the servers could not be started")
	}
	s.took(time.Since(begin))
	s.hide = strings.NewReplacer(l.Dir()+"/", "")

	d := &demo{screen: s, lab: l, pages: map[string]string{}, stopServer: func() {}}
	if err := d.live(ctx); err != nil {
		s.failed(err, l.LogDir()+": hub/controller.log, hub/heketi.log, node1/node1.log, node2/node2.log, ...")
		return errors.Join(errors.New("stopped at the first failed check"), lab.End(l.Dir()))
	}
	return d.finish(begin)
}

// live runs the steps up to the first that fails.
func (d *demo) live(ctx context.Context) error {
	closeAll, err := d.connect()
	if err != nil {
		return err
	}
	defer closeAll()
	defer func() { d.stopServer() }()
	for _, step := range steps() {
		d.headline(step.headline)
		begin := time.Now()
		err := within(ctx, func(ctx context.Context) error { return step.run(ctx, d) })
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			return err
		}
		d.took(time.Since(begin))
	}
	return nil
}

func within(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	return run(ctx)
}

func (d *demo) finish(begin time.Time) error {
	d.headline("End the servers")
	d.called("lab", "down")
	ending := time.Now()
	if err := lab.End(d.lab.Dir()); err != nil {
		d.failed(err, d.lab.LogDir())
		return errors.New("the lab could not be ended")
	}
	d.answer("no process, mount or loop device of it is left on this machine")
	d.took(time.Since(ending))
	f := d.figures
	d.summary(
		fmt.Sprintf("All %d steps passed, in %s", d.steps, round(time.Since(begin))),
		fmt.Sprintf("The volume lived for %s. It was made in %s and mounted in %s.", round(f.life), round(f.created), round(f.staged)),
		fmt.Sprintf("When a storage node died, the next write took %s, and no client saw an error.", round(f.gap)),
		fmt.Sprintf("When that node was back, it had caught up after %s.", round(f.healed)),
		"To try things by hand: make lab-up, and docs/development.md. The logs of this run: "+d.lab.LogDir(),
	)
	return nil
}

// progress shows the lab's output during its start, without the parts that take no time.
type progress struct {
	screen *screen
	rest   string
}

// Write accepts any part of the text.
func (p *progress) Write(text []byte) (int, error) {
	p.rest += string(text)
	for {
		line, rest, complete := strings.Cut(p.rest, "\n")
		if !complete {
			return len(text), nil
		}
		p.rest = rest
		if line != "" && !strings.HasSuffix(line, " 0.0 s") {
			p.screen.answer("%s", strings.TrimPrefix(line, "lab: "))
		}
	}
}
