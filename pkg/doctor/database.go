package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// mostNamed is how many things of a kind a finding names.
const mostNamed = 5

// named joins the first few of them.
func named(things []string, separator string) string {
	return plain.Few(things, mostNamed, separator, separator+"and ")
}

// database has Heketi look at its own database.
func (p *patient) database(ctx context.Context) []report.Finding {
	const check = "heketi-database"
	found, err := p.client.Inconsistencies(ctx)
	switch {
	case err != nil:
		return []report.Finding{p.failed(report.Warning, check, err)}
	case len(found) > 0:
		return []report.Finding{p.finding(report.Critical, check,
			fmt.Sprintf("its database has %s: %s", inconsistencies(len(found)), named(found, "; ")),
			"save the database, look at what heketi-cli says, and repair it offline (heketi db export, edit, heketi db import); entries that lead "+
				"nowhere can make Heketi refuse every new volume of the cluster",
			CLI(p.backend, "db dump > heketi-db.json"), CLI(p.backend, "db check"))}
	}
	return []report.Finding{p.finding(report.OK, check, "its database has no inconsistencies", "")}
}

func inconsistencies(n int) string {
	if n == 1 {
		return "1 inconsistency"
	}
	return fmt.Sprintf("%d inconsistencies", n)
}

// operations looks for those that nobody carries on.
func (p *patient) operations(ctx context.Context) []report.Finding {
	const check = "heketi-operations"
	operations, err := p.client.Operations(ctx)
	if err != nil {
		return []report.Finding{p.failed(report.Warning, check, err)}
	}
	if len(operations) == 0 {
		return []report.Finding{p.finding(report.OK, check, "no operation is under way or was left behind", "")}
	}
	running := 0
	var left []heketi.Operation
	for _, op := range operations {
		if op.Status == "" {
			running++
		} else {
			left = append(left, op)
		}
	}
	var findings []report.Finding
	if running > 0 {
		findings = append(findings, p.finding(report.Info, check, plural(running, "operation")+" under way", ""))
	}
	if len(left) > 0 {
		findings = append(findings, LeftBehind(p.backend, p.dump, left, check))
	}
	return findings
}

// LeftBehind is the finding about operations that are stale or failed.
func LeftBehind(b *heketi.Backend, dump heketi.Dump, operations []heketi.Operation, check string) report.Finding {
	names := map[string]string{} // of volumes, by the operation that they wait for
	for _, v := range dump.Volumes {
		if v.Pending != "" {
			names[v.Pending] = v.Name
		}
	}
	texts := make([]string, 0, len(operations))
	var cleanable []string
	for _, op := range operations {
		text := fmt.Sprintf("%s %s %s", op.Status, op.Type, op.ID)
		if name := names[op.ID]; name != "" {
			text += " of gluster volume " + name
		}
		texts = append(texts, text)
		if op.Type != cloneVolume {
			cleanable = append(cleanable, op.ID)
		}
	}
	var remedies []string
	if len(cleanable) < len(operations) {
		remedies = append(remedies, "Heketi never cleans up a clone: repair its database offline (heketi db export, edit, heketi db import), also for the "+
			"sake of the volume that was cloned.")
	}
	commands := []string{CLI(b, "server operations list")}
	if len(cleanable) > 0 {
		remedies = append(remedies, "Heketi undoes creates and finishes deletes itself, a minute after its start and then every hour. If they stay, "+
			"its log tells why; to have it done now:")
	}
	for chunk := range slices.Chunk(cleanable, mostCleaned) {
		commands = append(commands, CLI(b, "server operations cleanup "+strings.Join(chunk, " ")))
	}
	return report.Finding{
		Severity: report.Warning, Check: check, Subject: Subject(b),
		Message: plural(len(operations), "operation") + " left behind, so that names stay taken and room stays used: " + named(texts, "; "),
		Remedy:  strings.Join(remedies, " "), Commands: commands,
	}
}

// cloneVolume is the type of an operation that this driver never begins.
const cloneVolume = "clone-volume"

// mostCleaned is how many operations one clean-up may name (heketi: apps/glusterfs/app_operations.go).
const mostCleaned = 32
