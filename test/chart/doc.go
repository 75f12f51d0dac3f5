// Package chart tests charts/glusterfs-csi, the manifests in deploy/ that are rendered from it, and charts/glusterfs-storage. The
// tests need build/bin/helm (make build/bin/helm) and the driver. With -update they write the golden files instead of comparing
// with them.
package chart
