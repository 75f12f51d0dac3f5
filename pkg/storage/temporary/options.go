// Package temporary runs a Heketi inside a Job, while the cluster's Heketi does not run: before there is a volume for its
// database, and when that volume is taken away.
package temporary

import (
	"io"
	"time"
)

// Options say how to run it.
type Options struct {
	Program string // heketi
	Config  string // heketi.json of the cluster's Heketi
	Dir     string // for the database; it outlives restarts of the container
	Key     string // Heketi's admin key; "" is for a Heketi without authentication
	Output  io.Writer
	Timing  Timing

	// Started is for tests: it sees how to kill the Heketi, and returns the URL to reach it by.
	Started func(url string, kill func()) string
}

// Timing says how long to wait.
type Timing struct {
	Poll  time.Duration // between two looks
	Hello time.Duration // for an answer to one
	Limit time.Duration // until Heketi answers, and until it has ended
}
