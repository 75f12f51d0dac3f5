package setup

import (
	"context"
	"fmt"
	"io"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/temporary"
)

// Kubernetes holds the calls of the API server that a setup makes; *kube.Client implements it.
type Kubernetes interface {
	Nodes(ctx context.Context) ([]kube.Node, error)
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
	// ClaimPhase returns "" if the claim does not exist.
	ClaimPhase(ctx context.Context, namespace, name string) (string, error)
	// CreateClaim creates a claim, unless one with its name exists.
	CreateClaim(ctx context.Context, claim kube.Claim) error
	database.Secrets
}

// Options set what to set up.
type Options struct {
	jobs.Options
	Topology  string // path of the file
	NodeLabel string // KEY=VALUE that the topology's nodes should have: Run logs a node without it; "": not checked
	Volume    Volume // the volume of Heketi's database

	Timing Timing
}

// Volume describes the gluster volume of the database.
type Volume struct {
	Name    string
	SizeGiB int
	Replica int
	GID     int64 // id of the group with which Heketi runs
}

// Timing sets how long to wait.
type Timing struct {
	Poll   time.Duration // between two attempts
	Others time.Duration // until other Jobs have ended
	Hello  time.Duration // for one request that asks whether there is a Heketi
	Answer time.Duration // for one answer of a glusterd
	Pods   time.Duration // until gluster answers on the nodes to work on
	Heketi time.Duration // until Heketi answers
	Child  time.Duration // until a temporary Heketi answers, and until it has ended
	Last   time.Duration // for the last backup of a pod that is being ended; Kubernetes gives it 30 s
	Backup database.Timing
}

// DefaultTiming suits a Job that is restarted when it fails.
func DefaultTiming() Timing {
	return Timing{
		Poll: 2 * time.Second, Others: 10 * time.Minute, Hello: 5 * time.Second, Answer: 20 * time.Second, Pods: 10 * time.Minute, Heketi: 10 * time.Minute, Child: time.Minute, Last: 10 * time.Second,
		Backup: database.DefaultTiming(),
	}
}

// Setup is one run of the Job.
type Setup struct {
	Options
	Kubernetes Kubernetes
	Runner     servers.Runner
	Output     io.Writer // for the log of a temporary Heketi

	// started is set by tests; see temporary.Options.
	started func(url string, kill func()) string
}

func (s *Setup) temporary() temporary.Options {
	return temporary.Options{
		Program: s.Program, Config: s.Config, Dir: s.Dir, Key: s.Key, Output: s.Output,
		Timing:  temporary.Timing{Poll: s.Timing.Poll, Hello: s.Timing.Hello, Limit: s.Timing.Child},
		Started: s.started,
	}
}

// Run takes the six steps, some of which an earlier run may have taken already.
func (s *Setup) Run(ctx context.Context) error {
	t, gone, err := s.readTopology(ctx)
	if err != nil {
		return fmt.Errorf("step 1 of 6, read the topology: %w", err)
	}
	if err := s.awaitOthers(ctx); err != nil {
		return fmt.Errorf("step 2 of 6, wait for the end of other Jobs: %w", err)
	}
	server, err := s.Client()
	if err != nil {
		return fmt.Errorf("step 2 of 6, look for Heketi: %w", err)
	}
	defer server.Close()
	lacks, running, err := s.askHeketi(ctx, server, t)
	if err != nil {
		return fmt.Errorf("step 2 of 6, wait for Heketi: %w", err)
	}
	if running {
		if err := refuseGone(lacks.Nodes, gone); err != nil {
			return fmt.Errorf("step 2 of 6, compare the topology with Heketi: %w", err)
		}
	}
	r, err := s.awaitServers(ctx, t, gone, lacks)
	if err != nil {
		return fmt.Errorf("step 3 of 6, wait for gluster: %w", err)
	}
	if !running {
		if err := s.makeHeketi(ctx, server, t, r); err != nil {
			return err
		}
	}
	if err := s.load(ctx, server, t, r); err != nil {
		return fmt.Errorf("step 6 of 6, load the topology: %w", err)
	}
	return nil
}

// makeHeketi takes steps 4 and 5, and waits until Heketi answers.
func (s *Setup) makeHeketi(ctx context.Context, server *heketi.Client, t topology.Topology, r reach) error {
	logger := klog.FromContext(ctx)
	made, err := s.isMade(ctx, r.pods)
	if err != nil {
		return fmt.Errorf("step 4 of 6, find out what is there: %w", err)
	}
	if made {
		logger.Info("Step 4 of 6: the volume of Heketi's database exists, and the claim is missing")
		if err := s.checkCopies(ctx, r.pods); err != nil {
			return fmt.Errorf("step 4 of 6, find out what is there: %w", err)
		}
	} else {
		logger.Info("Step 4 of 6: the volume of Heketi's database has to be made")
		if err := s.bootstrap(ctx, t, r); err != nil {
			return fmt.Errorf("step 5 of 6, make the volume of Heketi's database: %w", err)
		}
	}
	if err := s.createClaim(ctx); err != nil {
		return fmt.Errorf("step 5 of 6, make the claim %s: %w", s.Claim, err)
	}
	logger.Info("Step 5 of 6: made the claim that Heketi's pod waits for", "claim", s.Claim)
	if err := s.awaitHeketi(ctx, server); err != nil {
		return fmt.Errorf("step 5 of 6, wait for Heketi: %w", err)
	}
	logger.Info("Step 5 of 6: Heketi answers", "url", s.HeketiURL)
	return nil
}

// load is the last step. Nodes and devices of Heketi that are not in the topology are only reported.
func (s *Setup) load(ctx context.Context, server *heketi.Client, t topology.Topology, r reach) error {
	logger := klog.FromContext(ctx)
	result, err := s.loader(server, r).Load(ctx, t)
	for _, what := range result.Beyond {
		logger.Info("Heketi has an object that is not in the topology; it is kept (heketi-cli can remove it)", "what", what)
	}
	for _, what := range result.Differs {
		logger.Info("Heketi and the topology differ, and Heketi cannot change this property", "what", what)
	}
	s.warnAbsent(ctx, result.Absent, r)
	if err != nil {
		return err
	}
	logger.Info("Step 6 of 6: the topology is loaded", "added", result.Added, "found", result.Found, "beyond", len(result.Beyond), "absent", len(result.Absent))
	return nil
}

func (s *Setup) loader(server topology.Server, r reach) topology.Loader {
	return topology.Loader{Server: server, Absent: r.absent, Leftover: func(ctx context.Context, node, device string) (bool, error) {
		return s.isLeftover(ctx, r.pods, node, device)
	}}
}

// isLeftover reports whether a device holds only a Heketi's volume group without any volume. A Heketi that is killed while it
// adds a device, before it records the device, leaves such a group behind. Heketi itself refuses to wipe a device that it has
// recorded.
func (s *Setup) isLeftover(ctx context.Context, pods servers.Pods, node, device string) (bool, error) {
	pv, err := pods.PhysicalVolume(ctx, s.Runner, node, device)
	return err == nil && pv.IsHeketis() && pv.Empty, err
}
