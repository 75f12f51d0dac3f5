// Package provisioner implements volume.Provisioner with Heketi: it makes, expands, removes and lists volumes. Calls may be
// repeated, run concurrently, and be interrupted at any moment: one CSI name still leads to at most one volume.
//
// An operation outlives the call that started it. A call whose context ends before the operation gets ErrBusy; the same call, if
// repeated, joins the running operation. The caller of New must call Close, which waits for running operations until its own
// context ends.
//
// A Journal remembers requests whose outcome is unknown, so that they are not sent twice. It survives a restart of the driver
// only if the caller opens it with a directory (OpenJournal) and passes it to New (WithJournal). Two processes must not use the
// same directory; OpenJournal does not check that.
package provisioner
