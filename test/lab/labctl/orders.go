package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// order carries out a command on a running lab.
func order(ctx context.Context, l *lab.Lab, command string, args []string, out io.Writer) error {
	switch command {
	case "status":
		return status(ctx, l, out)
	case "power-cut", "power-on", "unplug", "plug":
		if len(args) != 1 {
			return fmt.Errorf("name the machine: labctl %s N", command)
		}
		m, err := machineOf(l, args[0])
		if err != nil {
			return err
		}
		return fault(ctx, l, m, command)
	case "delay":
		return delay(ctx, l, args)
	case "fail-disk", "new-disk":
		return disk(ctx, l, command, args)
	case "heketi":
		if l.BareStorage() {
			return errors.New("no machine of this lab runs Heketi, since its storage nodes are bare; look for its pod with: labctl kube kubectl get pods -A")
		}
		return service(ctx, l.Heketi(), args)
	case "controller":
		return service(ctx, l.Controller(), args)
	}
	for i := 1; i <= lab.ClientNodes; i++ {
		if plugin := l.NodePlugin(i); plugin.Name() == command {
			return service(ctx, plugin, args)
		}
	}
	if c, err := kubernetes.Open(l); err == nil {
		if s, ok := c.Services()[command]; ok {
			return service(ctx, s, args)
		}
	}
	return fmt.Errorf("unknown command %q; labctl --help lists all", command)
}

func fault(ctx context.Context, l *lab.Lab, m *lab.Machine, command string) error {
	switch command {
	case "power-cut":
		return m.PowerCut(ctx)
	case "power-on":
		if c, err := kubernetes.Open(l); err == nil {
			for _, node := range c.AllNodes() {
				if node.Name == m.Name {
					return node.Start(ctx)
				}
			}
		}
		return m.Start(ctx)
	case "unplug":
		return m.Unplug(ctx)
	default:
		return m.Plug(ctx)
	}
}

func disk(ctx context.Context, l *lab.Lab, command string, args []string) error {
	if len(args) != 2 || !slices.Contains(lab.BareDevices(), args[1]) {
		return fmt.Errorf("name the machine and the device: labctl %s storage1 %s", command, lab.BareDevices()[0])
	}
	if !l.BareStorage() {
		return errors.New("only storage nodes that are bare (labctl up --bare-storage) have disks")
	}
	m, err := machineOf(l, args[0])
	if err != nil {
		return err
	}
	if command == "fail-disk" {
		return m.FailDisk(ctx, args[1])
	}
	return m.NewDisk(ctx, args[1])
}

func delay(ctx context.Context, l *lab.Lab, args []string) error {
	if len(args) != 2 {
		return errors.New("name the machine and the delay: labctl delay node1 1ms")
	}
	m, err := machineOf(l, args[0])
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	return m.Delay(ctx, d)
}

type controllable interface {
	Start(context.Context) error
	Stop(context.Context) error
	Kill(context.Context) error
}

func service(ctx context.Context, s controllable, args []string) error {
	if len(args) == 1 {
		switch args[0] {
		case "stop":
			return s.Stop(ctx)
		case "kill":
			return s.Kill(ctx)
		case "start":
			return s.Start(ctx)
		}
	}
	return errors.New("want stop, kill or start")
}

func status(ctx context.Context, l *lab.Lab, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "lab in %s, logs in %s\n", l.Dir(), l.LogDir())
	for _, m := range l.Machines() {
		state := "off"
		if pid, err := m.Pid(ctx); err == nil {
			state = fmt.Sprintf("on, pid %d", pid)
		}
		fmt.Fprintf(table, "machine\t%s\t%s\t%s\n", m.Name, m.IP, state)
	}
	services := l.Services()
	if c, err := kubernetes.Open(l); err == nil {
		cluster := c.Services()
		for _, name := range slices.Sorted(maps.Keys(cluster)) {
			services = append(services, cluster[name])
		}
	}
	for _, s := range services {
		state := "not running"
		if pid, err := s.Pid(ctx); err == nil {
			state = fmt.Sprintf("running, pid %d", pid)
		}
		fmt.Fprintf(table, "service\t%s\ton %s\t%s\n", s.Name(), s.Machine().Name, state)
	}
	return table.Flush()
}
