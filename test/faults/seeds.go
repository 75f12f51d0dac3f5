package faults

// regressions are schedules that find what was once wrong in the driver; they run besides those that are asked for. A
// change of NewPlan makes other schedules of the seeds: the mutations of these rules say which seeds find them then.
func regressions() []uint64 {
	return []uint64{
		8,   // two volumes of one CSI name, after an answer was lost and the class's volumenameprefix had changed
		14,  // INVALID_ARGUMENT, because Heketi was exchanged between two requests of a create
		34,  // a create was refused for good because its cluster had been closed, although it had made the volume before
		44,  // a create joined one that had seen a volume which was deleted before the create was sent
		76,  // two volumes with one group id: its reservation ended before the volume that had it was known
		166, // a volume came back after its delete, because it was expanded at the same time
	}
}
