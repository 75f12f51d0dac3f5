// Package volume defines the terms of the driver: a volume and its handle, the parameters that a StorageClass may have, the
// Provisioner interface, and the errors of operations on a volume (callers test them with errors.Is). It depends on neither
// Kubernetes nor Heketi nor gRPC, and imports no package of this module that does.
//
// A Provisioner must allow repeated and concurrent calls, return when the context is done, and wrap exactly one of this package's
// errors in each error; ErrLogin may be wrapped in addition to ErrUnavailable.
package volume
