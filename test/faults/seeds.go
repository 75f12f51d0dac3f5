package faults

// regressions returns schedules that find an error in a driver without one of these rules; they run in addition to the requested
// ones. A change of NewPlan changes the schedules of the seeds: the mutations of the rules then show which seeds find the errors.
// Schedules also depend on chance, so that not every run of a seed finds the error. Unit tests check these rules, too.
func regressions() []uint64 {
	return []uint64{
		12,  // a CSI name has one volume even if an answer was lost and the class's volumenameprefix has changed
		22,  // a group id stays reserved until the volume that has it is known
		126, // a volume that Heketi hides while it is pending is not gone
		206, // an expand waits for the operations that are pending on its volume
	}
}
