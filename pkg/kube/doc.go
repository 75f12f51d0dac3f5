// Package kube contains the uses of the Kubernetes API, except commands in pods (package podexec). The driver's uses are optional:
// events, annotations, taints and CSIStorageCapacity objects. Provisioning and mounting do not need them: the driver serves CSI,
// and the sidecars talk to Kubernetes. Commands, and the pods of the chart glusterfs-storage, list objects, read and change
// Secrets, create and delete claims, scale StatefulSets, and create, patch and delete objects of other kinds.
//
// A Client may be used concurrently and is not closed. Each request except a watch has a time limit. If a permission is missing,
// the error names the permission. AnnotateGIDs and PublishCapacity run until their context is done, and RemoveNotReadyTaint also
// ends after success; they log their errors and retry. Events are created only while Events.Run runs.
//
// The package uses client-go's dynamic client, because the typed clientset alone adds more than 10 MiB to the binary.
package kube
