// Package heketi is a client of Heketi, the server that makes gluster volumes, and the only package that depends on Heketi's API.
// It wraps Heketi's own Go client and adds contexts, timeouts, typed errors, a limit that queues operations instead of failing
// them, and polling intervals that grow with the duration of an operation.
//
// Backends holds the Heketi servers of a configuration file, and follows the changes of the file if OpenBackends made it. A
// Backend is one server. A Client calls a Backend with one user's credentials. A Room estimates, from a Dump of Heketi's
// database, the size of the volumes that fit.
//
// The errors wrap those of package volume. For a failed create, expand or delete, OutcomeOf returns whether Heketi refused it,
// tried it without success, or may still carry it out.
package heketi
