// Package teardown removes an installation of GlusterFS and Heketi from a cluster, as the Job of the chart glusterfs-storage. It
// first backs up Heketi's database, and scales the cluster's Heketi to 0. Then it removes the volume of Heketi's database, the
// devices, the nodes and the clusters, in this order, so that nothing is left on the devices. At the end, it deletes the claim of
// the database, and empties the backup.
//
// Teardown.Run returns ErrRefused if data would be lost, or if another Job or the cluster's Heketi would work on the same
// devices; an administrator must then act before another run. A run may be killed at any point and started again.
//
// Heketi cannot delete the volume that holds its own database. A temporary Heketi therefore deletes that volume. The temporary
// Heketi's database is a copy from the backup, and is saved as the new backup after each removal.
//
// Some devices cannot be emptied: those of a node that the administrator has deleted from Kubernetes, and broken ones that the
// administrator has disabled in Heketi. The teardown removes such nodes from gluster's pool, removes the nodes and devices from
// the temporary Heketi's database, and leaves the content of the devices as it is. It logs the commands that remove this content
// if a node or device comes back.
package teardown
