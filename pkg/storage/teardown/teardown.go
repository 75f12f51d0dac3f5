package teardown

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/temporary"
)

// ErrRefused is returned when data would be lost. It needs an administrator's decision, and the Job is not retried.
var ErrRefused = errors.New("refused")

// Kubernetes holds the calls of the API server that a teardown makes; *kube.Client implements it.
type Kubernetes interface {
	Nodes(ctx context.Context) ([]kube.Node, error)
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
	// Replicas returns 0 if the StatefulSet does not exist.
	Replicas(ctx context.Context, namespace, statefulSet string) (int, error)
	SetReplicas(ctx context.Context, namespace, statefulSet string, replicas int) error
	// ClaimPhase returns "" if the claim does not exist.
	ClaimPhase(ctx context.Context, namespace, name string) (string, error)
	DeleteClaim(ctx context.Context, namespace, name string) error
	database.Secrets
}

// Options set what to remove.
type Options struct {
	jobs.Options
	StatefulSet string // name of Heketi's StatefulSet
	Volume      string // name of the gluster volume of Heketi's database

	// These appear in the list of remaining steps.
	Release     string
	NodeLabel   string   // KEY=VALUE of the storage nodes
	Directories []string // on the storage nodes

	Timing Timing
}

// Timing sets how long to wait.
type Timing struct {
	Poll    time.Duration // between two attempts
	Hello   time.Duration // for one request that asks whether there is a Heketi
	Answer  time.Duration // for one answer of a glusterd
	Pods    time.Duration // until all gluster pods are usable
	Heketi  time.Duration // until the cluster's Heketi answers
	Volumes time.Duration // until volumes whose deletion has begun are gone
	Gone    time.Duration // until a deleted pod or claim is gone
	Child   time.Duration // until the temporary Heketi answers, and until it has ended
}

// DefaultTiming suits a Job that is restarted when it fails.
func DefaultTiming() Timing {
	return Timing{
		Poll: 2 * time.Second, Hello: 5 * time.Second, Answer: 20 * time.Second, Pods: 10 * time.Minute, Heketi: 5 * time.Minute, Volumes: time.Minute,
		Gone: 5 * time.Minute, Child: time.Minute,
	}
}

// Teardown is one run of the Job.
type Teardown struct {
	Options
	Kubernetes Kubernetes
	Runner     servers.Runner
	Output     io.Writer // for the log of the temporary Heketi

	// started is set by tests; see temporary.Options.
	started func(url string, kill func()) string

	left       []leftBehind // what this run could not remove
	recordLeft bool         // gluster could not delete the database's volume, all of whose bricks are lost
}

// Run takes the six steps, some of which an earlier run may have taken already.
func (t *Teardown) Run(ctx context.Context) error {
	running, pods, err := t.checkBeforeTeardown(ctx)
	if err != nil {
		return fmt.Errorf("step 1 of 6, look for what would be lost: %w", err)
	}
	if running != nil {
		defer running.Close()
	}
	if err := t.endHeketi(ctx, running); err != nil {
		return fmt.Errorf("step 2 of 6, back up Heketi's database and end Heketi: %w", err)
	}
	_, err = t.store().Load(ctx)
	switch {
	case errors.Is(err, database.ErrEmpty): // an earlier run has done everything, or Heketi has never had a database
		err = t.checkNoVolumes(ctx, pods)
	case err == nil:
		err = t.empty(ctx, pods)
	}
	if err != nil {
		return err
	}
	if err := t.deleteClaimAndBackup(ctx); err != nil {
		return fmt.Errorf("step 6 of 6, delete the claim and the backup of Heketi's database: %w", err)
	}
	t.sayWhatRemains(ctx)
	return nil
}

// empty takes the steps that need a Heketi.
func (t *Teardown) empty(ctx context.Context, pods servers.Pods) error {
	options := temporary.Options{
		Program: t.Program, Config: t.Config, Dir: t.Dir, Key: t.Key, Output: t.Output,
		Timing:  temporary.Timing{Poll: t.Timing.Poll, Hello: t.Timing.Hello, Limit: t.Timing.Child},
		Started: t.started,
	}
	h, err := t.start(ctx, options)
	if err != nil {
		return fmt.Errorf("step 3 of 6, start a temporary Heketi: %w", err)
	}
	run := &removal{Teardown: t, options: options, heketi: h, server: h.Client, pods: pods, saver: database.Saver{From: h.Client, To: t.store(), Program: t.Program}}
	defer func() { run.heketi.Stop() }()
	if err := run.check(ctx); err != nil {
		return fmt.Errorf("step 3 of 6, look again for what would be lost: %w", err)
	}
	for _, step := range []struct {
		run  func(context.Context) error
		name string
	}{
		{run.volume, "step 3 of 6, delete volume " + t.Volume},
		{run.devices, "step 4 of 6, remove the devices"},
		{run.clusters, "step 5 of 6, remove nodes and clusters"},
	} {
		err := t.checkStillAlone(ctx)
		if err == nil {
			err = step.run(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// start starts a Heketi that can delete the database's volume.
func (t *Teardown) start(ctx context.Context, options temporary.Options) (*temporary.Heketi, error) {
	err := options.Prepare(ctx, t.store())
	if err == nil {
		err = options.MakeDeletable(ctx, t.Volume, t.renamed())
	}
	if errors.Is(err, database.ErrUnreadable) || errors.Is(err, database.ErrDamaged) {
		return nil, fmt.Errorf("%w. The backup in %s cannot be used. If gluster still has volume %s, start Heketi (kubectl -n %s scale statefulset/%s --replicas=1): its database is on that volume, and Heketi's pod makes the backup again. "+
			"Otherwise copy an older backup (Secrets %s-0, -1 ...) into the Secret. Then create this Job again", err, t.store(), t.Volume, t.Namespace, t.StatefulSet, database.SecretName)
	}
	if err != nil {
		return nil, err
	}
	return options.Start(ctx)
}

// renamed returns the name of the database's volume in the temporary Heketi.
func (t *Teardown) renamed() string { return t.Volume + "-teardown" }

func (t *Teardown) store() database.Store {
	return database.Store{Secrets: t.Kubernetes, Namespace: t.Namespace, Name: database.SecretName}
}
