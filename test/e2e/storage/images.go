// Package storage tests GlusterFS and Heketi in Kubernetes. It exports the images for other programs that start a cluster with
// them.
//
// The lab has no device-mapper. The gluster image of these tests is the real one with the lab's stand-in for lvm on top.
package storage

import (
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// Images returns the images for a cluster with bare storage nodes. Each node imports and unpacks its own images, so storage nodes
// get only those that may run there. root is the directory of this repository.
func Images(root string) kubernetes.Options {
	build := func(elem ...string) string { return filepath.Join(append([]string{root, "build"}, elem...)...) }
	heketi := build("images-storage", "heketi.tar")
	return kubernetes.Options{
		Images: []string{build("images"), heketi},
		StorageImages: []string{
			build("images", "pause.tar"), build("images", "node.tar"), heketi, build("images-storage-test", "gluster.tar"),
		},
	}
}
