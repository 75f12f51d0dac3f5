// Package temporary runs a Heketi inside a Job while the cluster's Heketi does not run: before the volume for its database
// exists, and when that volume is removed. Prepare provides the database, MakeDeletable and Forget edit it, and Start then starts
// Heketi. The cleaner of this Heketi is off: CleanUp undoes operations that were interrupted. The caller must call Heketi.Stop.
// The caller must also make sure that the cluster's Heketi does not run, since two Heketis must never work on the same devices.
package temporary

import (
	"io"
	"time"
)

// Options set how to run the temporary Heketi.
type Options struct {
	Program string // path of heketi
	Config  string // heketi.json of the cluster's Heketi
	Dir     string // directory of the database; outlives restarts of the container
	Key     string // Heketi's admin key; "": Heketi has no authentication
	Output  io.Writer
	Timing  Timing

	// Started is set by tests: it gets Heketi's URL and a function that kills Heketi, and returns the URL to use instead.
	Started func(url string, kill func()) string
}

// Timing sets how long to wait.
type Timing struct {
	Poll  time.Duration // between two attempts
	Hello time.Duration // for the answer to one attempt
	Limit time.Duration // until Heketi answers, and until it has ended
}
