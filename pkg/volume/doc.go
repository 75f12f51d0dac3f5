// Package volume is the domain of the driver: what a volume is, what a
// StorageClass may ask for, and the errors that can come of it. It knows neither
// Kubernetes nor Heketi nor gRPC, and imports nothing of this module.
package volume
