// Package driver is the CSI side of glusterfs-csi: the Identity, Controller and Node servers, the checks of what
// callers ask for, the one place where errors become gRPC codes, and the gRPC server on its unix socket.
//
// It sees storage through volume.Provisioner and mounts through mount.Mounter, and knows neither Heketi nor FUSE.
package driver
