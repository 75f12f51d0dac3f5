package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// firstServer stages one volume while the first server in a client's list has a fault.
func firstServer(ctx context.Context, b *bench) ([]row, error) {
	v, p, first, err := b.volumeAndFirst(ctx)
	if err != nil {
		return nil, err
	}
	refuses, err := b.firstRefuses(ctx, v, p, first)
	if err != nil {
		return nil, err
	}
	silent, err := b.firstSilent(ctx, v, p, first)
	if err != nil {
		return nil, err
	}
	return []row{refuses, silent}, b.remove(ctx, v)
}

// firstRefuses stops glusterd on the first server. Its brick still runs.
func (b *bench) firstRefuses(ctx context.Context, v *csi.Volume, p place, first *lab.Machine) (row, error) {
	ours := func(ctx context.Context) ([]float64, error) {
		if err := shell(ctx, first, `p=$(cat /run/glusterd.pid); kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done`); err != nil {
			return nil, err
		}
		took, err := b.staged(v, p)(ctx)
		if err != nil {
			return nil, err
		}
		if err := shell(ctx, first, "exec glusterd -p /run/glusterd.pid --log-file=/var/log/glusterfs/glusterd.log -L INFO"); err != nil {
			return nil, err
		}
		return took, b.connected(ctx, v)
	}
	s, err := alternate(ctx, b.runs(10), ours, b.staged(v, p))
	if err != nil {
		return row{}, err
	}
	return newRow("mount-first-server-refuses", "s", "the same stage with all up", s[0], atMost(1.2),
		"glusterd of the first server is stopped, so that its port refuses connections"), nil
}

// firstSilent unplugs the network of the first server, which has one of the three bricks.
func (b *bench) firstSilent(ctx context.Context, v *csi.Volume, p place, first *lab.Machine) (row, error) {
	away, err := b.volumeElsewhere(ctx, first, v)
	if err != nil {
		return row{}, err
	}
	// This simulates a server behind a router: on one Ethernet, the kernel notices after 3 s that ARP is not answered.
	if err := keepNeighbour(ctx, b.lab.Node(1), first); err != nil {
		return row{}, err
	}
	unplugged := func(run side) side {
		return func(ctx context.Context) ([]float64, error) {
			if err := first.Unplug(ctx); err != nil {
				return nil, err
			}
			took, err := run(ctx)
			if err != nil {
				return nil, err
			}
			if err := first.Plug(ctx); err != nil {
				return nil, err
			}
			return took, b.connected(ctx, v)
		}
	}
	s, err := alternate(ctx, b.runs(10), unplugged(b.staged(v, p)), b.staged(v, p))
	if err != nil {
		return row{}, err
	}
	without, err := alternate(ctx, b.runs(10), unplugged(b.staged(away, p)), b.staged(away, p))
	if err != nil {
		return row{}, err
	}
	script, err := unplugged(b.scriptMounted(v, p))(ctx)
	if err != nil {
		return row{}, err
	}
	note := fmt.Sprintf("bounded by the client: replication waits 10 s for the brick on the silent server before it goes on with two. "+
		"A volume without a brick there: %s s against %s s, ratio %s. mount -t glusterfs with the first server silent, once: %s s",
		spreadOf(without[0].ours), spreadOf(without[0].baseline), figure(without[0].ratios().Median), figure(script[0]))
	return newRow("mount-first-server-silent", "s", "the same stage with all up", s[0], noGoal(), note), b.removeElsewhere(ctx, away)
}

// volumeAndFirst creates a volume, and finds the machine that its context names first.
func (b *bench) volumeAndFirst(ctx context.Context) (*csi.Volume, place, *lab.Machine, error) {
	v, err := b.create(ctx, b.name("first"))
	if err != nil {
		return nil, place{}, nil, err
	}
	p, err := b.place("first")
	if err != nil {
		return nil, place{}, nil, err
	}
	address, _, _ := strings.Cut(v.GetVolumeContext()["servers"], ",")
	for i := 1; i <= lab.StorageNodes; i++ {
		if m := b.lab.Storage(i); m.IP == address || m.Name == address {
			return v, p, m, nil
		}
	}
	return nil, place{}, nil, fmt.Errorf("server %q is not one of the lab's storage machines", address)
}

// staged measures staging, and then unstages.
func (b *bench) staged(v *csi.Volume, p place) side {
	return func(ctx context.Context) ([]float64, error) {
		begin := time.Now()
		err := b.stage(ctx, v, p)
		took := clock(begin)
		if err == nil {
			err = b.unstage(ctx, v, p)
		}
		if err == nil {
			err = b.quiet(ctx)
		}
		return []float64{took}, err
	}
}

// scriptMounted measures mount -t glusterfs, and then unmounts.
func (b *bench) scriptMounted(v *csi.Volume, p place) side {
	return func(ctx context.Context) ([]float64, error) {
		answer, err := timed(ctx, b.lab.Node(1), 1, b.mountCommand(v, p.staging))
		if err != nil {
			return nil, err
		}
		if _, err := timed(ctx, b.lab.Node(1), 1, []string{"umount", p.staging}); err != nil {
			return nil, err
		}
		return []float64{answer.Seconds}, b.quiet(ctx)
	}
}

// elsewhere is a static volume that is made by hand on the other two storage machines.
const elsewhere = "elsewhere"

// volumeElsewhere returns a volume with the servers of v, but without a brick on the first.
func (b *bench) volumeElsewhere(ctx context.Context, first *lab.Machine, v *csi.Volume) (*csi.Volume, error) {
	create := []string{"gluster --mode=script volume create", elsewhere, "replica 2"}
	var some *lab.Machine
	for i := 1; i <= lab.StorageNodes; i++ {
		m := b.lab.Storage(i)
		if m.Name == first.Name {
			continue
		}
		some = m
		create = append(create, m.IP+":/run/"+elsewhere+"/brick")
		if err := shell(ctx, m, "mkdir /run/"+elsewhere); err != nil {
			return nil, err
		}
	}
	if err := shell(ctx, some, strings.Join(create, " ")+" force && gluster volume start "+elsewhere); err != nil {
		return nil, err
	}
	return &csi.Volume{
		VolumeId:      elsewhere,
		VolumeContext: map[string]string{"volume": elsewhere, "servers": v.GetVolumeContext()["servers"]},
	}, nil
}

func (b *bench) removeElsewhere(ctx context.Context, v *csi.Volume) error {
	name := v.GetVolumeContext()["volume"]
	return shell(ctx, b.lab.Storage(1), "gluster --mode=script volume stop "+name+" && gluster --mode=script volume delete "+name)
}

// keepNeighbour makes a machine remember another's Ethernet address.
func keepNeighbour(ctx context.Context, m, other *lab.Machine) error {
	out, err := other.Command(ctx, "ip", "-brief", "link", "show", "eth0").Output()
	if err != nil {
		return fmt.Errorf("address of %s: %w", other.Name, err)
	}
	fields := strings.Fields(string(out)) // eth0@if7 UP 02:00:... <...>
	if len(fields) < 3 {
		return fmt.Errorf("address of %s: ip says %q", other.Name, out)
	}
	return shell(ctx, m, "ip neigh replace "+other.IP+" lladdr "+fields[2]+" dev eth0 nud permanent")
}

// connected waits until a client can reach all bricks of the volume (the program behind "heal info" is such a client), and each
// server can reach all others.
func (b *bench) connected(ctx context.Context, v *csi.Volume) error {
	if err := b.untilCount(ctx, b.lab.Storage(1), "gluster volume heal "+v.GetVolumeContext()["volume"]+" info", "Status: Connected"); err != nil {
		return err
	}
	for i := 1; i <= lab.StorageNodes; i++ {
		if err := b.untilCount(ctx, b.lab.Storage(i), "gluster pool list", "Connected"); err != nil {
			return err
		}
	}
	return nil
}

// untilCount repeats a command until the number of lines with the words equals the number of servers.
func (b *bench) untilCount(ctx context.Context, m *lab.Machine, command, words string) error {
	said := ""
	for limit := time.Now().Add(2 * time.Minute); time.Now().Before(limit) && ctx.Err() == nil; {
		out, _ := m.Command(ctx, "sh", "-c", command).CombinedOutput()
		said = strings.ReplaceAll(string(out), "Disconnected", "")
		if strings.Count(said, words) == lab.StorageNodes {
			return nil
		}
	}
	return fmt.Errorf("%s on %s never says %q %d times: %s", command, m.Name, words, lab.StorageNodes, said)
}

func shell(ctx context.Context, m *lab.Machine, script string) error {
	if out, err := m.Command(ctx, "sh", "-c", script).CombinedOutput(); err != nil {
		return fmt.Errorf("on %s: %s: %w: %s", m.Name, script, err, out)
	}
	return nil
}
