// Package driver is the CSI side of glusterfs-csi: the Identity, Controller and Node servers, the checks of requests, the only
// place where errors become gRPC codes, and the gRPC server on its unix socket.
//
// It provisions volumes through volume.Provisioner and mounts them through mount.Mounter, and depends on neither Heketi nor FUSE.
package driver
