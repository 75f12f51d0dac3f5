// Package teardown takes an installation of GlusterFS and Heketi in a cluster apart, as the Job of the chart glusterfs-storage: the
// volume of Heketi's database, devices, nodes, clusters, in this order, so that nothing is left on the devices. It refuses while
// anything would be lost. It may be killed anywhere and started again.
//
// Heketi cannot delete the volume that its own database is on. A temporary Heketi does it, with a copy of the database from its
// backup, which is saved again after each step.
package teardown
