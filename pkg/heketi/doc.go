// Package heketi is the only package that knows Heketi, the server that makes gluster
// volumes. It wraps Heketi's own Go client with what that lacks: contexts, timeouts,
// typed errors, a limit that queues instead of failing, and patience that fits the
// caller rather than the clock.
package heketi
