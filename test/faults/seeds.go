package faults

// regressions are seeds that have found something in the driver once. They run besides those that are asked for.
func regressions() []uint64 {
	return []uint64{
		86,  // two volumes with one group id: its reservation ended before the volume that had it was known
		257, // INVALID_ARGUMENT, because Heketi was exchanged between two requests of a create
		310, // two volumes of one CSI name, after an answer was lost and the class's volumenameprefix had changed
		382, // as 86, with a look-up that failed in between
	}
}
