package gluster

import (
	"context"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// limits are the times that tests shorten.
type limits struct {
	activation  time.Duration // of lvm vgchange
	mounting    time.Duration // glusterd starts after this time, although some file systems are still being mounted
	mountSlot   time.Duration // a device that hangs holds up others for this long
	mountRetry  time.Duration // between two attempts to mount a file system
	backOff     time.Duration // before the first restart of glusterd; it doubles each time
	mostBackOff time.Duration // a glusterd that ran for this long starts again at backOff
	settle      time.Duration // before a restart for new file systems: more of them may follow
	answer      time.Duration // of a probe; longer than that of cli.DefaultLimits for the pool, so that the answer says that gluster has none
	healPause   time.Duration // between two looks at the heal backlog
	bricksPause time.Duration // between two looks at the bricks of a node that is ready
	glusterdEnd time.Duration // from SIGTERM to SIGKILL
	bricksEnd   time.Duration // from SIGTERM to SIGKILL
	killed      time.Duration // from SIGKILL to giving up
	unmount     time.Duration // of all file systems, before they are unmounted lazily
}

// defaultLimits are such that everything has ended within a grace period of 60 seconds.
func defaultLimits() limits {
	return limits{
		activation: 2 * time.Minute, mounting: 2 * time.Minute, mountSlot: 20 * time.Second, mountRetry: 30 * time.Second,
		backOff: time.Second, mostBackOff: time.Minute, settle: 3 * time.Second,
		answer: 8 * time.Second, healPause: 10 * time.Second, bricksPause: 15 * time.Second,
		glusterdEnd: 8 * time.Second, bricksEnd: 20 * time.Second, killed: 5 * time.Second, unmount: 15 * time.Second,
	}
}

// openFiles is the limit that the package's service has for glusterd and the bricks.
const openFiles = 65536

// raiseOpenFiles raises the limit for the programs that this process starts. Runtimes differ in what they give to containers, and Go
// hands its own, higher limit to children only if this process has set it.
func raiseOpenFiles(ctx context.Context) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err == nil {
		limit.Cur = min(max(limit.Cur, openFiles), limit.Max)
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot raise the limit of open files")
	}
}
