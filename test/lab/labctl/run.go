package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

const usage = `usage: labctl [--dir DIR] COMMAND

  up [--driver BINARY] [--kubernetes TOOLS [--images LIST]] [--env FILE]
                                     start the lab; by default only GlusterFS and Heketi. TOOLS is the directory of
                                     the programs (make e2e-tools). LIST is image archives for the nodes, and
                                     directories of them, separated by commas
  up --bare-storage --kubernetes TOOLS [--images LIST] [--storage-images LIST] [--env FILE]
                                     start Kubernetes without GlusterFS and Heketi, with the storage nodes among its nodes;
                                     storage4 joins them with: labctl power-on storage4
  down                               end the lab, in whatever state it is
  status                             show what runs
  exec MACHINE -- PROGRAM [ARG...]   run a program on hub, storage1..3, node1, node2
  power-cut N | power-on N           storage node N (or a machine's name)
  unplug N | plug N                  unplug its network cable, or plug it in
  fail-disk N DEVICE | new-disk N DEVICE
                                     make a disk of a bare storage node fail, or replace it by an empty one
  delay N DURATION                   delay each of its packets, for example by 1ms; 0s ends that
  heketi|controller|node1|node2  stop|kill|start
                                     the lab's servers; controller and node1, node2 only without Kubernetes
  etcd|kube-apiserver|kube-controller-manager|kube-scheduler|
  node1/kubelet|node1/kube-proxy|node1/containerd|node2/...  stop|kill|start
  kube [--] PROGRAM [ARG...]         run kubectl, helm, ... on the hub as the cluster's administrator
  build-heketi                       build the Heketi server and client into build/bin
  before-6.5 PATH [ARG...]           run a program without MOVE_MOUNT_BENEATH, as on Linux before 6.5; without DIR
  cgroup-v2 PATH [ARG...]            run a program that sees cgroup v2 alone; without DIR
  selfcheck                          list what is left of the lab, and fail if anything is

DIR is $LAB_DIR or build/lab.
`

func run(ctx context.Context, args []string, out io.Writer) (int, error) {
	flags := flag.NewFlagSet("labctl", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() { fmt.Fprint(out, usage) }
	dir := flags.String("dir", os.Getenv("LAB_DIR"), "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, nil
		}
		return 2, err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2, nil
	}
	command, rest := flags.Arg(0), flags.Args()[1:]
	var err error
	switch command {
	case "up":
		err = up(ctx, *dir, rest, out)
	case "down":
		err = lab.Down(ctx, *dir)
	case "selfcheck":
		err = selfcheck(*dir)
	case "build-heketi":
		_, err = lab.BuildHeketi(ctx, out)
	case "exec":
		return execute(ctx, *dir, rest)
	case "kube":
		return administer(ctx, *dir, rest)
	default:
		var l *lab.Lab
		if l, err = lab.Open(*dir); err == nil {
			err = order(ctx, l, command, rest, out)
		} else if command == "status" && errors.Is(err, lab.ErrNotRunning) {
			fmt.Fprintln(out, "no lab is running")
			return 0, nil
		}
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

func serveDNS(ctx context.Context, dir string) error {
	c, err := kubernetes.OpenIn(dir)
	if err != nil {
		return err
	}
	return c.ServeDNS(ctx)
}

func runMachine(args []string) error {
	flags := flag.NewFlagSet("labctl machine", flag.ContinueOnError)
	dir := flags.String("dir", "", "")
	name := flags.String("name", "", "")
	ip := flags.String("ip", "", "")
	leash := flags.Bool("leash", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return machine.Init(*dir, *name, *ip, *leash)
}

func up(ctx context.Context, dir string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("labctl up", flag.ContinueOnError)
	driver := flags.String("driver", "", "the glusterfs-csi binary")
	env := flags.String("env", "", "write a file for the shell")
	tools := flags.String("kubernetes", "", "the directory of the programs of Kubernetes")
	images := flags.String("images", "", "image archives for the workers, and directories of them")
	storageImages := flags.String("storage-images", "", "the same for bare storage nodes")
	bare := flags.Bool("bare-storage", false, "storage nodes are bare nodes of Kubernetes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	options := lab.Options{Dir: dir, Driver: *driver, Labctl: self, Out: out, BareStorage: *bare, Workers: *bare}
	if *tools == "" {
		_, err = lab.Up(ctx, options)
	} else {
		_, err = kubernetes.UpWithLab(ctx, options, kubernetes.Options{
			Tools: *tools, Images: kubernetes.List(*images), StorageImages: kubernetes.List(*storageImages), Out: out,
		})
	}
	running := errors.Is(err, lab.ErrRunning)
	if err != nil && !running {
		return err
	}
	l, err := lab.Open(dir)
	if err == nil && running {
		fmt.Fprintf(out, "lab: it runs already in %s; end it first to start it with other programs\n", l.Dir())
		err = status(ctx, l, out)
	}
	if err != nil {
		return err
	}
	if *env == "" {
		return nil
	}
	path, err := filepath.Abs(*env)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "lab: to use it from a shell:  . %s\n", path)
	if err := l.WriteEnv(path); err != nil {
		return err
	}
	c, err := kubernetes.Open(l)
	if errors.Is(err, kubernetes.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.AppendEnv(path)
}

func selfcheck(dir string) error {
	left, err := lab.Leftovers(dir)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the lab left behind:\n  %s", strings.Join(left, "\n  "))
	}
	return nil
}

func machineOf(l *lab.Lab, name string) (*lab.Machine, error) {
	names := make([]string, 0, 8)
	for _, m := range l.Machines() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 1 && i <= lab.StorageNodes {
		return l.Storage(i), nil
	}
	return nil, fmt.Errorf("no machine %q: there are %s", name, strings.Join(names, ", "))
}
