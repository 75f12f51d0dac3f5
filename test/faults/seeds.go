package faults

// regressions are schedules that find something in a driver without one of these rules; they run besides those that are
// asked for. A change of NewPlan makes other schedules of the seeds: the mutations of the rules say which seeds find it then.
// What is left to chance in a schedule decides as well, so that not every run of a seed does. Unit tests hold these rules too.
func regressions() []uint64 {
	return []uint64{
		12,  // a CSI name has one volume also after an answer was lost and the class's volumenameprefix has changed
		22,  // a group id stays reserved until the volume that has it is known
		126, // a volume that Heketi hides while it is pending is not gone
		206, // an expand waits for the operations that are pending on its volume
	}
}
