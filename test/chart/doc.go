// Package chart holds the tests of charts/glusterfs-csi and of deploy/, which is made of it. They need build/bin/helm
// (make build/bin/helm) and the driver. With -update they write what they otherwise compare with.
package chart
