// Package migrate takes PersistentVolumes and StorageClasses of kubernetes.io/glusterfs, which Kubernetes 1.26 removed, to the
// CSI driver. A Plan holds a decision about each, with its proofs and a backup, and an Applier changes
// nothing that is not in the plan.
// Volumes and their data are never touched.
package migrate
