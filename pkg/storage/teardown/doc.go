// Package teardown removes an installation of GlusterFS and Heketi from a cluster, as the Job of the chart glusterfs-storage: the
// volume of Heketi's database, devices, nodes and clusters, in this order, so that nothing is left on the devices. It refuses,
// with ErrRefused, while data would be lost; an administrator must then act before another run. It may be killed at any point and
// started again.
//
// Heketi cannot delete the volume that holds its own database. A temporary Heketi deletes it, working on a copy from the backup;
// the copy is saved to the backup again after each step.
package teardown
