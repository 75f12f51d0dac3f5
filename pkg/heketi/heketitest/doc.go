// Package heketitest is a small Heketi server for tests. New starts it, and it stops with the test. It serves what the
// provisioner uses of Heketi's API: volumes, the list of clusters, operations and the database dump. Its texts and its behaviour
// are those of a real Heketi: the result of an operation can be read only once, names are unique per cluster, and pending volumes
// are hidden. Volumes exist only in the server's records. Inject adds failures and delays.
package heketitest
