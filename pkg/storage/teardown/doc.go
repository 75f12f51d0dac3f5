// Package teardown removes an installation of GlusterFS and Heketi from a cluster, as the Job of the chart glusterfs-storage: the
// volume of Heketi's database, devices, nodes and clusters, in this order, so that nothing is left on the devices.
// Teardown.Run returns ErrRefused while data would be lost; an administrator must then act before another run. A run may be killed
// at any point and started again.
//
// Heketi cannot delete the volume that holds its own database. A temporary Heketi therefore deletes that volume. Its database is a
// copy from the backup, and is saved as the new backup after each step.
package teardown
