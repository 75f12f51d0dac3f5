package doctor

import (
	"context"
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// mostNamed is the largest number of things of one kind that a finding names.
const mostNamed = 5

// named joins the first mostNamed things, and the number of the others.
func named(things []string, separator string) string {
	return plain.Few(things, mostNamed, separator, separator+"and ")
}

// database lets Heketi check its own database.
func (p *backendCheck) database(ctx context.Context) []report.Finding {
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
			backendreport.CLI(p.backend, "db dump > heketi-db.json"), backendreport.CLI(p.backend, "db check"))}
	}
	return []report.Finding{p.finding(report.OK, check, "its database has no inconsistencies", "")}
}

func inconsistencies(n int) string {
	if n == 1 {
		return "1 inconsistency"
	}
	return fmt.Sprintf("%d inconsistencies", n)
}
