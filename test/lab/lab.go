// Package lab runs real servers on one machine: three GlusterFS nodes, a Heketi that serves volumes on them through its ssh
// executor, two client nodes and, if a binary is given, this driver with one controller and two node plugins. They run on
// "machines", each with its own network, mounts and processes. Tests, the demos and a person at a shell (see labctl) use it in
// the same way.
//
// Up starts a lab and needs root; End or Down ends it. A lab lives in one directory. All machines depend on one process, the hub,
// so that the lab can always be ended, even after a crash of the program that started it. Labs in different directories are
// independent.
//
// A MockHeketi is a Heketi without such a lab and without root. See lab.mk for the make targets, and docs/development.md for how
// to use it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// The number of machines of each kind.
const (
	StorageNodes = 3
	ClientNodes  = 2
)

// ErrRunning is returned by Up if a lab already runs in the directory.
var ErrRunning = errors.New("a lab is running there already")

// ErrNotRunning is returned by Open if no lab runs in the directory.
var ErrNotRunning = errors.New("no lab is running there")

// Options configures Up. The zero value is a lab in build/lab without the driver.
type Options struct {
	// Dir is the lab directory, build/lab of this module by default. It must not be used for anything else.
	Dir string
	// Driver is the glusterfs-csi binary. If it is empty, there is no controller and no node plugin.
	Driver string
	// Labctl is the labctl binary, which is the init of the machines; it is built if empty.
	Labctl string
	// Out receives the progress, one line for each step; it is discarded by default.
	Out io.Writer
	// Workers prepares the client machines to be Kubernetes nodes; see package kubernetes.
	Workers bool
	// BareStorage makes the storage machines Kubernetes nodes, too, for pods that serve gluster volumes: they have no glusterd
	// and no sshd, the hub has no Heketi, and each storage machine has the block devices of BareDevices. One more machine, Spare,
	// is off until it is started. BareStorage needs Workers.
	BareStorage bool
	// ClientFiles is a root directory whose usr is mounted over that of the client machines. They then have another Debian's
	// GlusterFS client, while the servers have the host's.
	ClientFiles string
	// EndWithCaller ends the lab when the calling process ends, however it ends. Down can still be used.
	EndWithCaller bool
	// HeketiEnv is added to Heketi's environment, as "NAME=value".
	HeketiEnv []string
	// DriverArgs is added to the command line of the controller and of both node plugins.
	DriverArgs []string
	// NodeArgs is added to the command line of both node plugins.
	NodeArgs []string
}

// Lab is a running lab.
type Lab struct {
	layout machine.Layout
	hub    machine.Client
	setup  setup
}

// setup is the content of Layout.SetupFile: the paths and options that Open needs. The file exists only if Up has completed.
type setup struct {
	Driver      string   `json:"driver"`
	Labctl      string   `json:"labctl"`
	Heketi      string   `json:"heketi"`
	HeketiCLI   string   `json:"heketiCLI"`
	HeketiEnv   []string `json:"heketiEnv"`
	DriverArgs  []string `json:"driverArgs"`
	NodeArgs    []string `json:"nodeArgs"`
	Workers     bool     `json:"workers"`
	BareStorage bool     `json:"bareStorage"`
	ClientFiles string   `json:"clientFiles"`
}

// Up starts a lab. It first clears away what an interrupted Up or a crash left in the directory.
func Up(ctx context.Context, options Options) (_ *Lab, err error) {
	out := options.Out
	if out == nil {
		out = io.Discard
	}
	layout, err := layoutOf(options.Dir)
	if err != nil {
		return nil, err
	}
	if options.BareStorage && (!options.Workers || options.Driver != "") {
		return nil, errors.New("lab.Options: BareStorage needs Workers, and has no Heketi for a Driver outside of Kubernetes")
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("the lab needs root: it makes network and mount namespaces and loop devices")
	}
	unlock, err := lock(layout)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := Open(layout.Dir); err == nil {
		return nil, fmt.Errorf("%s: %w", layout.Dir, ErrRunning)
	}
	l := &Lab{layout: layout, hub: machine.Client{Layout: layout, Name: machine.Hub}}
	if err := down(ctx, layout); err != nil {
		return nil, fmt.Errorf("clear away an earlier lab: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("lab in %s: %w; logs are in %s", layout.Dir, err, layout.Path("log")),
				down(context.WithoutCancel(ctx), layout))
		}
	}()
	start := time.Now()
	for _, s := range l.steps(options, out) {
		begin := time.Now()
		if err := s.run(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(out, "lab: %-44s %5.1f s\n", s.name, time.Since(begin).Seconds())
	}
	// The file is written last: without it Open finds no lab, and the next Up clears everything away.
	if err := writeJSON(layout.SetupFile(), l.setup); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "lab: %-44s %5.1f s\n", "ready", time.Since(start).Seconds())
	return l, nil
}

type step struct {
	name string
	run  func(context.Context) error
}

func (l *Lab) steps(options Options, out io.Writer) []step {
	steps := []step{
		{"Debian packages", func(ctx context.Context) error { return Install(ctx, out) }},
		{"programs", func(ctx context.Context) error { return l.prepare(ctx, options, out) }},
		{"lab directory", l.writeFiles},
		{"hub", func(ctx context.Context) error { return l.startHub(ctx, options.EndWithCaller) }},
	}
	if options.BareStorage {
		return append(steps, step{"machines", func(ctx context.Context) error { return l.startMachines(ctx) }})
	}
	steps = append(steps,
		step{"machines and Heketi", func(ctx context.Context) error { return l.startMachines(ctx, l.Heketi().Start) }},
		step{"Heketi topology", func(ctx context.Context) error { return l.Heketi().loadTopology(ctx) }})
	if options.Driver != "" {
		steps = append(steps, step{"driver", l.startDriver})
	}
	return steps
}

// prepare builds missing programs and records the paths of all programs.
func (l *Lab) prepare(ctx context.Context, options Options, out io.Writer) error {
	l.setup = setup{
		HeketiEnv: options.HeketiEnv, DriverArgs: options.DriverArgs, NodeArgs: options.NodeArgs,
		Workers: options.Workers, BareStorage: options.BareStorage, Labctl: options.Labctl,
	}
	if options.Driver != "" {
		driver, err := filepath.Abs(options.Driver)
		if err != nil {
			return err
		}
		if _, err := os.Stat(driver); err != nil {
			return fmt.Errorf("the driver's binary: %w; build it with: make build", err)
		}
		l.setup.Driver = driver
	}
	if options.ClientFiles != "" {
		root, err := filepath.Abs(options.ClientFiles)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(root, "usr")); err != nil {
			return fmt.Errorf("the files of the clients: %w; unpack them with: make client-files", err)
		}
		l.setup.ClientFiles = root
	}
	if !options.BareStorage {
		heketi, err := BuildHeketi(ctx, out)
		if err != nil {
			return err
		}
		l.setup.Heketi, l.setup.HeketiCLI = heketi.Server, heketi.CLI
	}
	var err error
	if l.setup.Labctl == "" {
		l.setup.Labctl, err = buildLabctl(ctx)
	}
	return err
}

// Open finds the running lab of a directory.
func Open(dir string) (*Lab, error) {
	layout, err := layoutOf(dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{layout: layout, hub: machine.Client{Layout: layout, Name: machine.Hub}}
	if err := readJSON(layout.SetupFile(), &l.setup); err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", layout.Dir, ErrNotRunning, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := l.hub.Pid(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", layout.Dir, ErrNotRunning, err)
	}
	return l, nil
}

// Dir is the lab directory.
func (l *Lab) Dir() string { return l.layout.Dir }

// LogDir returns the directory with the logs of all machines, one directory for each. The logs stay after Down.
func (l *Lab) LogDir() string { return l.layout.Path("log") }

// Down ends the lab.
func (l *Lab) Down(ctx context.Context) error { return Down(ctx, l.layout.Dir) }

// Down ends the lab of a directory, in whatever state it is, and removes everything but its logs.
func Down(ctx context.Context, dir string) error {
	layout, err := layoutOf(dir)
	if err != nil {
		return err
	}
	unlock, err := lock(layout)
	if err != nil {
		return err
	}
	defer unlock()
	return down(ctx, layout)
}
