package gluster

import (
	"context"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// limits holds durations that tests shorten.
type limits struct {
	activation  time.Duration // limit for lvm vgchange
	mounting    time.Duration // after this time glusterd starts, although some file systems are still being mounted
	mountSlot   time.Duration // a hanging device holds up the others for at most this long
	mountRetry  time.Duration // pause between two attempts to mount a file system
	backOff     time.Duration // pause before the first restart of glusterd; doubles each time
	mostBackOff time.Duration // longest pause; a glusterd that ran this long restarts after backOff
	settle      time.Duration // pause before a restart for new file systems, since more of them may follow
	answer      time.Duration // limit for a probe's answer; longer than the pool limit of cli.DefaultLimits, so that the probe can report that gluster did not answer
	healPause   time.Duration // pause between two queries of the heal backlog
	bricksPause time.Duration // pause between two checks of the bricks of a ready node
	glusterdEnd time.Duration // from SIGTERM to SIGKILL
	bricksEnd   time.Duration // from SIGTERM to SIGKILL
	killed      time.Duration // from SIGKILL to leaving the process behind
	unmount     time.Duration // for all file systems, before they are unmounted lazily
}

// defaultLimits returns limits with which everything ends within a grace period of 60 seconds.
func defaultLimits() limits {
	return limits{
		activation: 2 * time.Minute, mounting: 2 * time.Minute, mountSlot: 20 * time.Second, mountRetry: 30 * time.Second,
		backOff: time.Second, mostBackOff: time.Minute, settle: 3 * time.Second,
		answer: 8 * time.Second, healPause: 10 * time.Second, bricksPause: 15 * time.Second,
		glusterdEnd: 8 * time.Second, bricksEnd: 20 * time.Second, killed: 5 * time.Second, unmount: 15 * time.Second,
	}
}

// openFiles is the limit that the systemd unit in GlusterFS's Debian package sets for glusterd and the bricks.
const openFiles = 65536

// raiseOpenFiles raises the limit of open files for programs that this process starts. The new limit has at least the value least,
// if the hard limit allows that. Container runtimes set different limits. Go raises its own limit at the start, but children get
// the raised limit only if this process calls Setrlimit.
func raiseOpenFiles(ctx context.Context, least uint64) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err == nil {
		limit.Cur = min(max(limit.Cur, least), limit.Max)
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot raise the limit of open files")
	}
}
