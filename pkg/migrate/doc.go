// Package migrate moves PersistentVolumes and StorageClasses of kubernetes.io/glusterfs, which Kubernetes 1.26 removed, to the
// CSI driver. It never touches the gluster volumes and their data.
//
// Collect and ReadInventories read the cluster and each Heketi. NewPlan makes a Plan from the results, for an administrator to
// review. For each object, the plan holds a decision and a backup. For each PersistentVolume to migrate, it also holds the proof
// that the replacement stands for the same gluster volume.
//
// An Applier carries out a plan and changes nothing that is not in it, except that Applier.Scale lets it scale the owners of
// running pods to 0. Call Plan.CheckCluster first, then Apply, ApplyClasses and RemoveEndpoints. To return to the backups, call
// RestoreEndpoints, RollBack and RollBackClasses instead. Finally call ReportMissing and, if Applier.Scale is set, ScaleUp, even
// after an error or an interruption: their context must not be done yet. The outcome for each object, also a failure, goes to
// Applier.Report. Apply and RollBack return an error only if the run must stop.
//
// The plan's Journal is a file beside the plan: with it, a run that was killed can be repeated. OpenJournal locks the file against
// other processes, and the caller must close the Journal. An Applier, its Journal and its InventoryCache must not be used
// concurrently.
//
// Import.Objects returns the manifest of a PersistentVolume for a gluster volume that has none.
package migrate
