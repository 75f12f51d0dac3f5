// Package chart holds the tests of charts/glusterfs-csi, of deploy/, which is made of it, and of charts/glusterfs-storage. They need
// helm, helm-docs and promtool in build/bin, and the driver (make test-chart). With -update they write what they otherwise compare with.
package chart
