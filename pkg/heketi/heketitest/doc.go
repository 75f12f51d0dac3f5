// Package heketitest is a small Heketi server for tests. It has the API that the driver uses, with the texts and the behaviour of
// a real Heketi (a queue whose results can be read once, names that are unique per cluster, hidden pending volumes), and it
// injects faults on command. Volumes exist only in its records.
package heketitest
