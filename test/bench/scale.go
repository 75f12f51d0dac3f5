package main

import (
	"context"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

const (
	listPage    = 500 // volumes
	callers     = 100
	callersAt   = 1000 // volumes: Heketi's default limit for a cluster
	largest     = 5000 // volumes
	memoryLimit = 64   // MiB
)

// scaleAt returns the family that measures costs which may grow with the number of volumes.
func scaleAt(n int) family {
	name := func(what string) string { return fmt.Sprintf("%s-at-%d", what, n) }
	names := []string{name("create"), name("list"), name("capacity")}
	if n == largest {
		names = append(names, name("rss"))
	}
	return family{names: names, run: func(ctx context.Context, b *bench) ([]row, error) {
		return b.withRig(ctx, n, func(ctx context.Context, r *rig) ([]row, error) { return r.scale(ctx, n, name) })
	}}
}

func (r *rig) scale(ctx context.Context, n int, name func(string) string) ([]row, error) {
	first, err := r.createRemove(ctx)
	if err != nil {
		return nil, err
	}
	cli := newHeketiCLI(r.heketi.CLIPath, r.heketi.URL)
	// There are more pairs than elsewhere: heketi-cli polls for the end at once and then every 0.4 s, so its figures are of two
	// kinds.
	create, err := alternate(ctx, r.runs(20), r.createRemove, func(ctx context.Context) ([]float64, error) {
		took, ids, err := cli.create(ctx, r.name("cli"))
		if err != nil {
			return nil, err
		}
		_, err = cli.remove(ctx, ids)
		return []float64{took}, err
	})
	if err != nil {
		return nil, err
	}
	firstList, err := r.listAll(n)(ctx)
	if err != nil {
		return nil, err
	}
	list, err := alternate(ctx, r.runs(5), r.listAll(n), r.getEach(n))
	if err != nil {
		return nil, err
	}
	capacity, err := alternate(ctx, r.runs(5), r.capacityOf, r.topology)
	if err != nil {
		return nil, err
	}
	nodes, err := r.getNodes()
	if err != nil {
		return nil, err
	}
	listGoal := atMost(1)
	if n == largest { // where callers notice the wait
		listGoal = atMost(0.05)
	}
	rows := append(make([]row, 0, 4),
		newRow(name("create"), "s", "heketi-cli volume create", create[0], atMost(1),
			fmt.Sprintf("the first create, and one in half a minute, reads Heketi's records too: %s s", figure(first[0]))),
		newRow(name("list"), "s", "Heketi's client in one process: list, info of each", list[0], listGoal,
			fmt.Sprintf("all pages of %d; the first list, and one in ten minutes, reads Heketi's records: %s s", listPage, figure(firstList[0]))),
		newRow(name("capacity"), "s", "Heketi's client in one process: TopologyInfo", capacity[0], atMost(1),
			fmt.Sprintf("the requests of TopologyInfo for clusters and nodes alone take %s s", figure(nodes))),
	)
	if n != largest {
		return rows, nil
	}
	rss, err := r.memory(ctx, n, name("rss"))
	return append(rows, rss), err
}

// createRemove measures a create. The delete after it is not measured.
func (r *rig) createRemove(ctx context.Context) ([]float64, error) {
	begin := time.Now()
	v, err := r.create(ctx, r.name("bench"))
	took := clock(begin)
	if err != nil {
		return nil, err
	}
	return []float64{took}, r.remove(ctx, v)
}

// listAll reads one page after the other, as an orchestrator does.
func (r *rig) listAll(n int) side {
	return func(ctx context.Context) ([]float64, error) {
		begin, found, token := time.Now(), 0, ""
		for {
			page, err := r.controller.ListVolumes(ctx, &csi.ListVolumesRequest{MaxEntries: listPage, StartingToken: token})
			if err != nil {
				return nil, err
			}
			found += len(page.GetEntries())
			if token = page.GetNextToken(); token == "" {
				break
			}
		}
		took := clock(begin)
		if found != n {
			return nil, fmt.Errorf("the driver lists %d volumes, want %d", found, n)
		}
		return []float64{took}, nil
	}
}

// getEach reads the same from Heketi as heketi-cli volume list, without starting a process.
func (r *rig) getEach(n int) side {
	return func(context.Context) ([]float64, error) {
		begin := time.Now()
		list, err := r.admin.VolumeList()
		if err != nil {
			return nil, err
		}
		for _, id := range list.Volumes {
			if _, err := r.admin.VolumeInfo(id); err != nil {
				return nil, err
			}
		}
		took := clock(begin)
		if found := len(list.Volumes); found != n {
			return nil, fmt.Errorf("list of Heketi's: %d volumes, want %d", found, n)
		}
		return []float64{took}, nil
	}
}

func (r *rig) capacityOf(ctx context.Context) ([]float64, error) {
	begin := time.Now()
	answer, err := r.controller.GetCapacity(ctx, &csi.GetCapacityRequest{Parameters: map[string]string{"volumetype": "replicate:3"}})
	took := clock(begin)
	if err == nil && answer.GetAvailableCapacity() == 0 {
		err = fmt.Errorf("the driver finds no room: %v", answer)
	}
	return []float64{took}, err
}

// topology reads the same as heketi-cli topology info, which administrators use to find free space.
func (r *rig) topology(context.Context) ([]float64, error) {
	begin := time.Now()
	_, err := r.admin.TopologyInfo()
	return []float64{clock(begin)}, err
}

// getNodes reads the minimum from which the free space can be determined: every node with its disks.
func (r *rig) getNodes() (seconds float64, err error) {
	begin := time.Now()
	clusters, err := r.admin.ClusterList()
	if err != nil {
		return 0, err
	}
	for _, id := range clusters.Clusters {
		cluster, err := r.admin.ClusterInfo(id)
		if err != nil {
			return 0, err
		}
		for _, node := range cluster.Nodes {
			if _, err := r.admin.NodeInfo(node); err != nil {
				return 0, err
			}
		}
	}
	return clock(begin), nil
}

func (r *rig) memory(ctx context.Context, n int, name string) (row, error) {
	list := r.listAll(n)
	s, err := alternate(ctx, r.runs(10), func(ctx context.Context) ([]float64, error) {
		if _, err := list(ctx); err != nil {
			return nil, err
		}
		if _, err := r.createRemove(ctx); err != nil {
			return nil, err
		}
		return resident([]int{r.process})
	}, fixed(memoryLimit))
	if err != nil {
		return row{}, err
	}
	peak, err := memoryOf(r.process, "VmHWM")
	if err != nil {
		return row{}, err
	}
	note := fmt.Sprintf("VmRSS of the controller after each list of all and create; the most that it ever had is %s MiB", figure(peak))
	return newRow(name, "MiB", fmt.Sprintf("%d MiB", memoryLimit), s[0], atMost(1), note), nil
}

// manyCallers measures the time until the last of many creates has ended. Any error that a caller gets, such as Heketi's refusal
// at its limit, ends the benchmark.
func manyCallers() family {
	name := fmt.Sprintf("create-%d-callers-at-%d", callers, callersAt)
	run := func(ctx context.Context, r *rig) ([]row, error) {
		ours, baseline := r.manyAtOnce(newHeketiCLI(r.heketi.CLIPath, r.heketi.URL), callers)
		s, err := alternate(ctx, r.runs(3), ours, baseline)
		if err != nil {
			return nil, err
		}
		note := fmt.Sprintf("%s creates per second, %s by the baseline; no caller got an error, so none of Heketi's refusals either",
			figure(callers/median(s[0].ours)), figure(callers/median(s[0].baseline)))
		return []row{newRow(name, "s", cliInTurns(callers), s[0], atMost(1.05), note)}, nil
	}
	return family{names: []string{name}, run: func(ctx context.Context, b *bench) ([]row, error) { return b.withRig(ctx, callersAt, run) }}
}
