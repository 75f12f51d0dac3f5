package main

// Mutant is a rule of the driver, with the edits that disable it.
type Mutant struct {
	Name  string
	Rule  string
	Edits []Edit
}

// Edit replaces a piece of a source file that occurs there exactly once.
type Edit struct {
	File string // relative to the module's directory
	Old  string
	New  string
}

const (
	listcache    = "pkg/provisioner/listcache.go"
	create       = "pkg/provisioner/create.go"
	deletion     = "pkg/provisioner/delete.go"
	expand       = "pkg/provisioner/expand.go"
	index        = "pkg/provisioner/index.go"
	journal      = "pkg/provisioner/journal.go"
	laterequest  = "pkg/provisioner/laterequest.go"
	idempotency  = "pkg/provisioner/idempotency.go"
	inflight     = "pkg/provisioner/inflight.go"
	ownership    = "pkg/provisioner/ownership.go"
	reserving    = "pkg/provisioner/reservations.go"
	trust        = "pkg/provisioner/trust.go"
	errorsFile   = "pkg/heketi/errors.go"
	translate    = "pkg/heketi/translate.go"
	heketiVolume = "pkg/heketi/volume.go"
)

// mutants returns the rules, each disabled by the smallest possible edit.
func mutants() []Mutant {
	all := createMutants()
	all = append(all, trustMutants()...)
	all = append(all, expandMutants()...)
	return append(all, operationMutants()...)
}

// createMutants: one CSI name leads to at most one volume, with the requested properties.
func createMutants() []Mutant {
	return []Mutant{
		{"any-size-will-do", "a volume that is found is compared with what was asked for",
			[]Edit{{idempotency, "!c.capacity.Allows(size)", "false && !c.capacity.Allows(size)"}}},
		{"doubt-is-forgotten", "a create in doubt keeps its group id and its name",
			[]Edit{{reserving, "r.expires = r.late\n\t\t}\n\t\tx.held[volume.NameKey(name)] = r\n", "r.expires = r.late\n\t\t}\n\t\tdelete(x.held, volume.NameKey(name))\n"}}},
		{"groups-taken-twice", "no two volumes have the same group id",
			[]Edit{{reserving, "return held[gid] || x.taken[gid] > 0", "return held[gid]"}}},
	}
}

// trustMutants: nothing is deleted or assumed without evidence.
func trustMutants() []Mutant {
	return []Mutant{
		{"empty-database-is-deleted", "a Heketi without clusters has lost its database, and says nothing about volumes",
			[]Edit{{trust, "if len(clusters) == 0 {\n\t\treturn noClusters(x.backend)\n\t}", "if len(clusters) == 0 {\n\t\treturn nil\n\t}"}}},
		{"any-database-will-do", "a Heketi without any of the clusters that it had says nothing about volumes",
			[]Edit{{trust, "if len(x.clusters) > 0 && !some {", "if len(x.clusters) > 0 && !some && false {"}}},
		{"doubtful-delete-is-done", "after a delete with an unknown outcome the volume is looked for",
			[]Edit{{deletion, "return d.resolve(ctx, client, x, err)", "return nil"}}},
		{"delete-anything", "only volumes that the driver made are deleted",
			[]Edit{{ownership, "case volume.IsOurs(v.Name) || handle.Adopted:", "case true:"}}},
		{"list-anything", "only volumes that the driver made are listed",
			[]Edit{{listcache, "listed: !v.Block && volume.IsOurs(v.Name)", "listed: !v.Block"}}},
	}
}

// expandMutants: an expand reaches the size once.
func expandMutants() []Mutant {
	return []Mutant{
		{"expand-again-in-doubt", "an expand whose outcome is unknown is not sent again",
			[]Edit{{expand, "return e.resolve(ctx, err)", "expanded, err = e.client.ExpandVolume(ctx, e.handle.ID, need, func() error { return nil })\n\t\treturn newVolume(e.handle.Backend, expanded), err"}}},
		{"journal-forgotten", "a restarted driver knows what its predecessor has sent",
			[]Edit{{journal, "\t\tj.sent[key] = request\n\t}\n\treturn j, nil", "\t}\n\treturn j, nil"}}},
	}
}

// operationMutants: an operation outlives its call, and a call does not wait longer than its deadline.
func operationMutants() []Mutant {
	return []Mutant{
		{"operations-end-with-their-call", "an accepted operation is followed beyond the call that began it",
			[]Edit{{inflight, "context.WithCancel(context.WithoutCancel(ctx))", "context.WithCancel(ctx)"}}},
		{"calls-do-not-join", "a call joins the running operation of its volume",
			[]Edit{{inflight, "if op, ok := o.running[t.key]; ok {", "if op, ok := o.running[t.key]; ok && false {"}}},
		{"calls-wait-for-their-operation", "a call ends at its deadline, whatever its operation does",
			[]Edit{{inflight, "case <-ctx.Done():\n\t\treturn volume.Volume{}, fmt.Errorf(\"%w: %s goes on", "case <-context.WithoutCancel(ctx).Done():\n\t\treturn volume.Volume{}, fmt.Errorf(\"%w: %s goes on"}}},
	}
}
