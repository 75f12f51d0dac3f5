package heketi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// OtherDatabaseError is a Heketi without a cluster that the configuration says it has: its database is not the one
// that has the volumes. What it does not know may exist all the same. It wraps volume.ErrUnavailable.
type OtherDatabaseError struct {
	Backend string
	URL     string
	Missing []string // cluster ids of the configuration
	Present []string // cluster ids that Heketi has, sorted
}

// hintOtherDatabase is what can be done about it.
const hintOtherDatabase = "check the backend's url, or restore the database that has the volumes; if the cluster is gone on purpose, " +
	"take it off the backend's clusters in the driver's configuration"

func (e *OtherDatabaseError) Error() string {
	present := "no cluster at all"
	if len(e.Present) > 0 {
		present = "only " + plain.Line(strings.Join(e.Present, ", "), longestName)
	}
	return fmt.Sprintf("%v: backend %q (%s) cannot be trusted: its Heketi does not have cluster %s, which the backend's clusters name in the "+
		"driver's configuration, but %s; %s", volume.ErrUnavailable, e.Backend, e.URL, strings.Join(e.Missing, ", "), present, hintOtherDatabase)
}

func (e *OtherDatabaseError) Unwrap() error { return volume.ErrUnavailable }

// Hint is what can be done about the error, as the end of its text says it.
func (e *OtherDatabaseError) Hint() string { return hintOtherDatabase }

// recognise refuses a Heketi that does not have every cluster of the configuration. It may have others. Whatever shows
// all clusters passes through here, so that nobody can conclude from an answer what another database does not have.
func (b *Backend) recognise(present []string) error {
	missing := slices.DeleteFunc(slices.Clone(b.config.Clusters), func(id string) bool { return slices.Contains(present, id) })
	if len(missing) == 0 {
		return nil
	}
	return &OtherDatabaseError{Backend: b.config.Name, URL: b.config.URL, Missing: missing, Present: slices.Sorted(slices.Values(present))}
}
