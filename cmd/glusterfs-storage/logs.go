package main

import (
	"fmt"
	"math"
	"time"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/logfiles"
)

// logOptions hold the limits for GlusterFS's logs.
type logOptions struct{ sizeMiB, copies, days int }

const day = 24 * time.Hour

func (o *logOptions) register(flags *pflag.FlagSet) {
	limits := logfiles.DefaultLimits()
	flags.IntVar(&o.sizeMiB, "log-size", int(limits.Size>>20), "size in MiB from which a GlusterFS log is compressed into a copy, and emptied")
	flags.IntVar(&o.copies, "log-copies", limits.Copies, "how many compressed copies of each log to keep")
	flags.IntVar(&o.days, "log-days", int(limits.Age/day), "how many days to keep a copy, and the log of a brick that no longer runs")
}

func (o *logOptions) check() error {
	switch {
	case o.sizeMiB < 1 || o.sizeMiB > math.MaxInt32:
		return fmt.Errorf("--log-size=%d: write a number of MiB from 1", o.sizeMiB)
	case o.copies < 0 || o.copies > 1000:
		return fmt.Errorf("--log-copies=%d: write a number from 0 to 1000", o.copies)
	case o.days < 1 || o.days > 36500:
		return fmt.Errorf("--log-days=%d: write a number of days from 1 to 36500", o.days)
	}
	return nil
}

func (o *logOptions) limits() logfiles.Limits {
	return logfiles.Limits{Size: int64(o.sizeMiB) << 20, Copies: o.copies, Age: time.Duration(o.days) * day}
}
