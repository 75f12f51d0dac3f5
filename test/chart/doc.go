// Package chart holds the tests of charts/glusterfs-csi, of deploy/, which is made of it, and of charts/glusterfs-storage. They need
// build/bin/helm (make build/bin/helm) and the driver. With -update they write what they otherwise compare with.
package chart
