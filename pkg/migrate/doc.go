// Package migrate takes PersistentVolumes and StorageClasses of kubernetes.io/glusterfs, which Kubernetes 1.26 removed, to the
// CSI driver. A Plan says what becomes of each, with the proofs for it and a backup; nothing is done that no plan has.
// Volumes and their data are never touched.
package migrate
