package main

// Mutant is a rule of the driver, and how to disable it.
type Mutant struct {
	Name  string
	Rule  string
	Edits []Edit
}

// Edit replaces a piece of a source file that occurs there exactly once.
type Edit struct {
	File string // below the module's directory
	Old  string
	New  string
}

const (
	catalogue  = "pkg/provisioner/catalogue.go"
	create     = "pkg/provisioner/create.go"
	deletion   = "pkg/provisioner/delete.go"
	expand     = "pkg/provisioner/expand.go"
	index      = "pkg/provisioner/index.go"
	journal    = "pkg/provisioner/journal.go"
	lookup     = "pkg/provisioner/lookup.go"
	operations = "pkg/provisioner/operations.go"
	ownership  = "pkg/provisioner/ownership.go"
	reserving  = "pkg/provisioner/reservations.go"
	trust      = "pkg/provisioner/trust.go"
	errorsFile = "pkg/heketi/errors.go"
	translate  = "pkg/heketi/translate.go"
	types      = "pkg/heketi/types.go"
)

// mutants are the rules, each disabled by as little as possible.
func mutants() []Mutant {
	all := createMutants()
	all = append(all, trustMutants()...)
	all = append(all, expandMutants()...)
	return append(all, operationMutants()...)
}

// createMutants: one CSI name leads to at most one volume, as asked for.
func createMutants() []Mutant {
	return []Mutant{
		{"name-in-use-is-failure", `"already in use" leads to a look-up, and to the volume that an earlier call made`,
			[]Edit{{create, "return c.settle(ctx, err)\n\t\tcase outcome == heketi.Unknown:", "return volume.Volume{}, err\n\t\tcase outcome == heketi.Unknown:"}}},
		{"any-cluster", "each request names exactly one cluster",
			[]Edit{{types, "Clusters: []string{r.Cluster}", "Clusters: nil"}}},
		{"no-look-up-across-clusters", "with several clusters the name is looked up in all of them first",
			[]Edit{{create, "if len(all) > 1 {", "if len(all) > 1 && false {"}}},
		{"doubt-goes-on", "after an unknown outcome no other cluster is tried",
			[]Edit{{create, "\"err\", err)\n\t\t\treturn c.settle(ctx, err)", "\"err\", err)\n\t\t\trefusals = append(refusals, err)"}}},
		{"refused-for-good-unseen", "before a create is refused for good the volume is looked for: an earlier call may have made it",
			[]Edit{{create, "if found, err := c.find(ctx); !errors.Is(err, volume.ErrNotFound) {\n\t\treturn found, err\n\t}\n\treturn volume.Volume{}, everyClusterRefused(refusals)",
				"return volume.Volume{}, everyClusterRefused(refusals)"}}},
		{"forgotten-is-failed", "a queue entry that Heketi no longer knows says nothing about the operation", []Edit{
			{errorsFile, "if e.Status == http.StatusInternalServerError && !e.panicked() {", "if e.Status == http.StatusInternalServerError || e.Status == http.StatusNotFound {"},
			{translate, "{stage: StagePoll, status: http.StatusNotFound, kind: volume.ErrUnavailable,", "{stage: StagePoll, status: http.StatusNotFound, kind: volume.ErrPrecondition,"},
		}},
		{"any-size-will-do", "a volume that is found is compared with what was asked for",
			[]Edit{{lookup, "!c.capacity.Allows(size)", "false && !c.capacity.Allows(size)"}}},
		{"other-names-unseen", "a CSI name has one volume also when its class names volumes differently by now", []Edit{
			{index, "return ok && other != name", "return ok && other != name && false"},
			{reserving, "cmp.Or(earlier.name, name)", "cmp.Or(name, earlier.name)"},
		}},
		{"doubt-is-forgotten", "a create in doubt keeps its group id and its name",
			[]Edit{{reserving, "r.expires = r.late\n\t\t}\n\t\tx.held[csiKey(name)] = r\n", "r.expires = r.late\n\t\t}\n\t\tdelete(x.held, csiKey(name))\n"}}},
		{"groups-taken-twice", "no two volumes have the same group id",
			[]Edit{{reserving, "return held[gid] || x.taken[gid] > 0", "return held[gid]"}}},
		{"answer-of-before-the-delete", "a create does not answer with a volume whose delete has succeeded",
			[]Edit{{create, "if run.index.wasDeleted(made.Handle.ID) {", "if false {"}}},
	}
}

// trustMutants: nothing is deleted or believed without reason.
func trustMutants() []Mutant {
	return []Mutant{
		{"empty-database-is-deleted", "a Heketi without clusters has lost its database, and says nothing about volumes",
			[]Edit{{trust, "if len(clusters) == 0 {\n\t\treturn noClusters(x.backend)\n\t}", "if len(clusters) == 0 {\n\t\treturn nil\n\t}"}}},
		{"any-database-will-do", "a Heketi without any of the clusters that it had says nothing about volumes",
			[]Edit{{trust, "if len(x.clusters) > 0 && !some {", "if len(x.clusters) > 0 && !some && false {"}}},
		{"exchanged-is-invalid", "a cluster that Heketi has just named and no longer knows is not the user's mistake",
			[]Edit{{translate, "{status: http.StatusBadRequest, text: \"Cluster id \", kind: volume.ErrUnavailable,", "{status: http.StatusBadRequest, text: \"Cluster id \", kind: volume.ErrInvalid,"}}},
		{"doubtful-delete-is-done", "after a delete with an unknown outcome the volume is looked for",
			[]Edit{{deletion, "return d.settle(ctx, client, x, err)", "return nil"}}},
		{"hidden-is-deleted", "a volume that Heketi hides while it is pending is not gone",
			[]Edit{{lookup, "if _, ok := dump.Volumes[handle.ID]; ok {", "if _, ok := dump.Volumes[handle.ID]; ok && false {"}}},
		{"delete-anything", "only volumes that the driver made are deleted",
			[]Edit{{ownership, "case volume.IsOurs(v.Name) || handle.Adopted:", "case true:"}}},
		{"list-anything", "only volumes that the driver made are listed",
			[]Edit{{catalogue, "listed: !v.Block && volume.IsOurs(v.Name)", "listed: !v.Block"}}},
	}
}

// expandMutants: an expand reaches the size once.
func expandMutants() []Mutant {
	return []Mutant{
		{"expand-while-pending", "an expand waits for the operations that are pending on its volume",
			[]Edit{{expand, "if op.Touches(found) {", "if op.Touches(found) && false {"}}},
		{"expand-again-in-doubt", "an expand whose outcome is unknown is not sent again",
			[]Edit{{expand, "return e.settle(ctx, err)", "expanded, err = e.client.ExpandVolume(ctx, e.handle.ID, need)\n\t\treturn newVolume(e.handle.Backend, expanded), err"}}},
		{"late-expands-forgotten", "no expand is sent while an earlier one may still be carried out",
			[]Edit{{journal, "ok && !carriedOut\n", "ok && !carriedOut && false\n"}}},
		{"journal-forgotten", "a restarted driver knows what its predecessor has sent",
			[]Edit{{journal, "j.sent[key] = readSent(filepath.Join(dir, file.Name()), j.opened)", "_ = readSent(filepath.Join(dir, file.Name()), j.opened)\n\t\t\t_ = key"}}},
		{"delete-and-expand-at-once", "operations on one volume exclude each other",
			[]Edit{{deletion, `key: volumeKey(handle)`, `key: "delete " + volumeKey(handle)`}}},
	}
}

// operationMutants: an operation outlives its call, and a call does not wait beyond its deadline.
func operationMutants() []Mutant {
	return []Mutant{
		{"operations-end-with-their-call", "an accepted operation is followed beyond the call that began it",
			[]Edit{{operations, "context.WithCancel(context.WithoutCancel(ctx))", "context.WithCancel(ctx)"}}},
		{"nobody-joins", "a call joins the running operation of its volume",
			[]Edit{{operations, "if op, ok := o.running[t.key]; ok {", "if op, ok := o.running[t.key]; ok && false {"}}},
		{"calls-wait-for-their-operation", "a call ends at its deadline, whatever its operation does",
			[]Edit{{operations, "case <-ctx.Done():\n\t\treturn volume.Volume{}, fmt.Errorf(\"%w: %s goes on", "case <-context.WithoutCancel(ctx).Done():\n\t\treturn volume.Volume{}, fmt.Errorf(\"%w: %s goes on"}}},
	}
}
