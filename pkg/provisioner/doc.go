// Package provisioner makes and removes volumes through Heketi, so that every call may be
// repeated, concurrent, or cut off at any moment: one CSI name leads to at most one volume.
package provisioner
