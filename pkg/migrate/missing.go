package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ReportMissing reports each object that an earlier run deleted and did not replace, unless this run has tried to replace it. The
// claim of such a PersistentVolume stays Lost until a run replaces the PersistentVolume. ReportMissing returns an error if the
// cluster cannot be read.
func (a *Applier) ReportMissing(ctx context.Context) error {
	for _, entry := range sortedKeys(a.Journal.deleted) {
		if _, tried := a.handled[entry]; tried { // its result is reported already
			continue
		}
		resource, name, _ := strings.Cut(entry, "/")
		of := volumesResource()
		if resource == classesResource().Name {
			of = classesResource()
		}
		now, err := a.API.Get(ctx, of, "", name)
		switch {
		case err != nil && !apierrors.IsNotFound(err):
			return err
		case err == nil && !isDeleting(now):
			continue
		}
		a.Report(a.missing(of.Name == classesResource().Name, name))
	}
	return nil
}

func (a *Applier) missing(isClass bool, name string) Result {
	const again = "an earlier run of this plan has deleted it and not replaced it, and this run leaves it out"
	if isClass {
		return Result{Name: "StorageClass " + name, Outcome: Missing, Err: fmt.Errorf("%s; run this again without --only and --classes=false", again)}
	}
	lost := ""
	if i := slices.IndexFunc(a.Plan.Volumes, func(v VolumePlan) bool { return v.Name == name }); i >= 0 && a.Plan.Volumes[i].Claim != "" {
		lost = fmt.Sprintf(", so that its claim %s is Lost", a.Plan.Volumes[i].Claim)
	}
	return Result{Name: name, Outcome: Missing, Err: fmt.Errorf("%s%s; run this again with --only=%s, or without --only", again, lost, name)}
}
