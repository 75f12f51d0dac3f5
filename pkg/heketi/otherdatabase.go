package heketi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// OtherDatabaseError is returned when Heketi lacks a cluster of the configuration. Heketi's database is then not the one that has
// the volumes, so a volume that it lacks may still exist. The error wraps volume.ErrUnavailable.
type OtherDatabaseError struct {
	Backend string
	URL     string
	Missing []string // cluster ids of the configuration
	Present []string // cluster ids that Heketi has, sorted
}

// hintOtherDatabase is the advice for an OtherDatabaseError.
const hintOtherDatabase = "check the backend's url, or restore the database that has the volumes; if the cluster is gone on purpose, " +
	"remove it from the backend's clusters in the driver's configuration"

func (e *OtherDatabaseError) Error() string {
	present := "no cluster at all"
	if len(e.Present) > 0 {
		present = "only " + plain.Line(strings.Join(e.Present, ", "), longestName)
	}
	return fmt.Sprintf("%v: backend %q (%s) cannot be trusted: its Heketi does not have cluster %s, which the driver's configuration names "+
		"in the backend's clusters; it has %s; %s", volume.ErrUnavailable, e.Backend, e.URL, strings.Join(e.Missing, ", "), present, hintOtherDatabase)
}

func (e *OtherDatabaseError) Unwrap() error { return volume.ErrUnavailable }

// Hint returns the advice at the end of the error's text.
func (e *OtherDatabaseError) Hint() string { return hintOtherDatabase }

// recognise refuses a Heketi that lacks a cluster of the configuration. Additional clusters are accepted. Every answer that lists
// all clusters passes through recognise, so that no caller concludes from another database that a volume does not exist.
func (b *Backend) recognise(present []string) error {
	missing := slices.DeleteFunc(slices.Clone(b.config.Clusters), func(id string) bool { return slices.Contains(present, id) })
	if len(missing) == 0 {
		return nil
	}
	return &OtherDatabaseError{Backend: b.config.Name, URL: b.config.URL, Missing: missing, Present: slices.Sorted(slices.Values(present))}
}
