// Package faults proves that the driver neither loses, doubles nor mis-sizes a volume when everything around it fails.
//
// A Rig is a real Heketi, the driver's controller as a process of its own, and between them a proxy that drops, delays,
// repeats and falsifies what passes. Heketi's commands for the storage nodes are answered by Heketi itself (its executor
// inject/ssh), slowly or with an error where a schedule says so; that way operations stay pending long enough to be hit.
//
// A Plan is one schedule, made from a seed: calls from several callers at once, faults on the way, and kills. After each
// schedule the faults end, everybody repeats the last call until it is answered definitely, and the Model compares all
// answers with Heketi's own database. The seed decides what is called, when, and what happens to the n-th request of
// each kind; how the processes interleave it cannot decide, so that a failing seed may need a few runs to fail again.
package faults
