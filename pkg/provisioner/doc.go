// Package provisioner implements volume.Provisioner with Heketi: it makes, expands, removes and lists volumes. Every call may be
// repeated, run concurrently, or be cut off at any moment; one CSI name still leads to at most one volume.
//
// An operation outlives the call that started it. A call whose context ends first gets ErrBusy, and a repetition joins the
// running operation. Requests whose outcome is unknown are remembered in a Journal on disk, so that a restarted driver does not
// send them twice.
package provisioner
