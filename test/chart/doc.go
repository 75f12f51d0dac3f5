// Package chart tests charts/glusterfs-csi, the manifests in deploy/ that are rendered from it, and charts/glusterfs-storage. The
// tests need helm, helm-docs and promtool in build/bin, and the driver (make test-chart). With -update they write the golden
// files instead of comparing with them.
package chart
