// Package kube contains the driver's optional uses of the Kubernetes API: events, annotations, taints, CSIStorageCapacity
// objects, and the lists that commands need. Provisioning and mounting do not need it: the driver serves CSI, and the sidecars
// talk to Kubernetes. The methods of Client that run until their context is done (AnnotateGIDs, PublishCapacity,
// RemoveNotReadyTaint) log their errors and retry.
//
// It uses client-go's dynamic client, because the typed clientset alone adds more than 10 MiB to the binary.
package kube
