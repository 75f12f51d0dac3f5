// Package driver is the CSI side of glusterfs-csi: the Identity, Controller and Node servers, the checks of requests, the only
// place where errors become gRPC codes, and the gRPC server.
//
// The package provisions volumes through volume.Provisioner and mounts them through mount.Mounter. It calls both concurrently,
// and depends on neither Heketi nor FUSE. NewServer offers the controller service if Config has a Provisioner, and the node
// service if Config has a Mounter. Serve uses the caller's listener until its context is done. Then it closes the listener, gives
// the running calls a limited time, and returns. A Server cannot serve again.
package driver
