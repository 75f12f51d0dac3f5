// Package heketi is a client of Heketi, the server that makes gluster volumes, and the only package that depends on Heketi's API.
// It wraps Heketi's own Go client and adds contexts, timeouts, typed errors, a limit that queues operations instead of failing
// them, and polling intervals that grow with the duration of an operation.
//
// The errors wrap those of package volume. For a failed create, expand or delete, OutcomeOf returns whether Heketi refused it,
// carried it out in vain, or may still carry it out.
package heketi
