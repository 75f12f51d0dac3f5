// Package heketi is a client of Heketi, the server that makes gluster volumes, and the only package that depends on Heketi's API.
// It wraps Heketi's own Go client, and adds contexts, timeouts and typed errors. Operations beyond a backend's limit wait for a
// slot instead of failing. The longer an operation takes, the longer are the intervals between polls.
//
// OpenBackends, or LoadConfig and NewBackends, returns the Heketi servers of a configuration file as Backends. OpenBackends also
// follows later changes of the file. Select or ByName returns a Backend, which is one server. Backend.Client returns a Client,
// which calls the server with one user's credentials. A program without a configuration file calls NewClient. A Room estimates,
// from a Dump of Heketi's database, the size of the volumes that fit.
//
// Backends, Backend and Client may be used concurrently, and nothing runs in the background. Close only closes idle connections,
// which otherwise stay open for a minute.
//
// The errors of calls wrap those of package volume; errors of the configuration do not. OutcomeOf returns the effect of a failed
// create, expand or delete: Refused (nothing was begun), Failed, or Unknown (Heketi may have carried it out, or may still do so).
package heketi
