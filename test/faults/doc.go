// Package faults tests that the driver neither loses nor duplicates a volume, nor gives it a wrong size, when everything around
// it fails.
//
// A Rig consists of a real Heketi, the driver's controller as a separate process, and a proxy between them that drops, delays,
// repeats and falsifies requests and answers. Heketi itself answers its commands for the storage nodes (its executor inject/ssh),
// slowly or with an error if the schedule requires it. Operations therefore stay pending long enough to be hit by a fault.
//
// A Plan is one schedule, made from a seed: calls from several concurrent callers, faults on the way, and kills. After each
// schedule the faults end, every caller repeats its last call until the answer is definite, and the Model compares all answers
// with Heketi's own database. The seed determines the calls, their times, and the fault of the n-th request of each kind. It does
// not determine how the processes interleave, so that a failing seed may need a few runs to fail again.
package faults
