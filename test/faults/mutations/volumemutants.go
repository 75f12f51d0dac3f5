package main

// nameMutants: one CSI name leads to at most one volume, and a create is not refused for good while the name may have one.
func nameMutants() []testMutant {
	const provisioner = "pkg/provisioner"
	return []testMutant{
		{Mutant{"name-in-use-is-failure", `"already in use" leads to a look-up, and to the volume that an earlier call made`,
			[]Edit{{create, "return c.resolve(ctx, err)\n\t\tcase outcome == heketi.Unknown:", "return volume.Volume{}, err\n\t\tcase outcome == heketi.Unknown:"}}},
			provisioner, "TestCreateByTwoDrivers"},
		{Mutant{"any-cluster", "each request names exactly one cluster",
			[]Edit{{heketiVolume, "Clusters: []string{r.Cluster}", "Clusters: nil"}}},
			provisioner, "TestCreate"},
		{Mutant{"no-look-up-across-clusters", "with several clusters the name is looked up in all of them first",
			[]Edit{{create, "if len(all) > 1 || overdue {", "if len(all) > 1 && false || overdue {"}}},
			provisioner, "TestCreateUnderAUsedName"},
		{Mutant{"doubt-goes-on", "after an unknown outcome no other cluster is tried",
			[]Edit{{create, "\"err\", err)\n\t\t\treturn c.resolve(ctx, err)", "\"err\", err)\n\t\t\trefusals = append(refusals, err)"}}},
			provisioner, "TestCreateStopsAtAClusterInDoubt"},
		{Mutant{"forgotten-is-failed", "a queue entry that Heketi no longer has says nothing about the operation", []Edit{
			{errorsFile, "if e.Status == http.StatusInternalServerError && !e.panicked() {", "if e.Status == http.StatusInternalServerError || e.Status == http.StatusNotFound {"},
			{translate, "{stage: StagePoll, status: http.StatusNotFound, kind: volume.ErrUnavailable,", "{stage: StagePoll, status: http.StatusNotFound, kind: volume.ErrPrecondition,"},
		}},
			provisioner, "TestExpandUndoneBeforeTheLook"},
		{Mutant{"other-names-unseen", "a CSI name has one volume even if its class now names volumes differently", []Edit{
			{index, "return ok && other != name", "return ok && other != name && false"},
			{reserving, "cmp.Or(earlier.name, name)", "cmp.Or(name, earlier.name)"},
		}},
			provisioner, "TestNamesOfVolumes|TestCreateInDoubtUnderAnotherName"},
		{Mutant{"answer-of-before-the-delete", "a create does not answer with a volume whose delete has succeeded",
			[]Edit{{create, "if run.index.wasDeleted(made.Handle.ID) {", "if false {"}}},
			provisioner, "TestCreateJoinsAnOldAnswer"},
		{Mutant{"exchanged-is-invalid", "a cluster that Heketi has just named and no longer has is not the user's mistake",
			[]Edit{{translate, "{status: http.StatusBadRequest, text: \"Cluster id \", kind: volume.ErrUnavailable,", "{status: http.StatusBadRequest, text: \"Cluster id \", kind: volume.ErrInvalid,"}}},
			provisioner, "TestCreateInAClusterThatHasGone"},
	}
}

// pendingMutants: a volume that Heketi hides is not gone, and an operation that may be in progress is not begun again.
func pendingMutants() []testMutant {
	const provisioner = "pkg/provisioner"
	return []testMutant{
		{Mutant{"hidden-is-deleted", "a volume that Heketi hides while it is pending is not gone",
			[]Edit{{idempotency, "if _, ok := dump.Volumes[handle.ID]; ok {", "if _, ok := dump.Volumes[handle.ID]; ok && false {"}}},
			provisioner, "TestDeleteWhilePending|TestDeleteOfWhatHasGone"},
		{Mutant{"expand-while-pending", "an expand waits for the operations that are pending on its volume",
			[]Edit{{expand, "if op.Touches(found) {", "if op.Touches(found) && false {"}}},
			provisioner, "TestExpandBesidesAnAdministrator|TestExpandWhileHeketiIsKilled"},
		{Mutant{"late-expands-forgotten", "no expand is sent while an earlier one may still be carried out",
			[]Edit{{journal, "ok && !carriedOut\n", "ok && !carriedOut && false\n"}}},
			provisioner, "TestExpandThatArrivesLate"},
		{Mutant{"delete-and-expand-at-once", "operations on one volume exclude each other",
			[]Edit{{deletion, `key: volumeKey(handle)`, `key: "delete " + volumeKey(handle)`}}},
			provisioner, "TestDeleteWhileAnExpandLooks"},
	}
}
