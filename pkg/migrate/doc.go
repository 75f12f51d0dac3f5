// Package migrate moves PersistentVolumes and StorageClasses of kubernetes.io/glusterfs, which Kubernetes 1.26 removed, to the
// CSI driver.
//
// NewPlan makes a Plan: one decision for each object, with its proofs and a backup, for an administrator to review. An Applier
// carries the plan out and changes nothing that is not in it. A caller must keep the plan's Journal beside the plan: with it, a
// run that was killed can be repeated. Applier.RollBack replaces the objects with their backups again. Import makes a
// PersistentVolume for a gluster volume that has none. The gluster volumes and their data are never touched.
package migrate
