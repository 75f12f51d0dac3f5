// Package provisioner implements volume.Provisioner with Heketi: it makes, expands, removes and lists volumes. Every call may be
// repeated, run concurrently, or be cut off at any moment; one CSI name still leads to at most one volume.
//
// An operation outlives the call that started it. A call whose context ends first gets ErrBusy, and a repetition joins the
// running operation. The caller of New must call Close, which waits for running operations.
//
// A Journal remembers requests whose outcome is unknown, so that they are not sent twice. It survives a restart of the driver
// only if the caller passes one with a directory (OpenJournal, WithJournal).
package provisioner
