// Package volume defines the terms of the driver: a volume and its handle, the parameters that a StorageClass may have, the
// Provisioner interface, and the errors that an operation on a volume may wrap. It depends on neither Kubernetes nor Heketi nor
// gRPC, and imports no package of this module that does.
package volume
