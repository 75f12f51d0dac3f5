// Package heketitest is a small Heketi server for tests: the API that the driver uses,
// with the real one's texts and habits (a queue whose results are read once, names that
// are unique per cluster, hidden pending volumes), and faults on command. It makes
// nothing and remembers nothing but its records.
package heketitest
