// Package kube is what needs the Kubernetes API. The driver itself does not: it serves CSI, and the sidecars talk to
// Kubernetes. It uses client-go's dynamic client, since the typed clientset alone adds more than 10 MiB to the binary.
package kube
