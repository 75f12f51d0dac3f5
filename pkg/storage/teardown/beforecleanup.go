package teardown

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
)

// checkBeforeCleanUp returns ErrRefused if a clean-up could delete volumes that are needed. Heketi undoes the creation of a
// volume by deleting the volume in gluster. Its database may be a copy that was taken during a creation that has since succeeded.
func (r *removal) checkBeforeCleanUp(ctx context.Context) error {
	dump, err := r.server.Dump(ctx)
	if err != nil {
		return err
	}
	complete := heketi.Dump{Volumes: maps.Clone(dump.Volumes)}
	maps.DeleteFunc(complete.Volumes, func(_ string, v heketi.DumpVolume) bool { return v.Pending != "" })
	if err := r.refuseVolumes(r.volumesOf(complete), false); err != nil {
		return err
	}
	return r.checkGlusterAlone(ctx, r.pods, dump)
}

// checkGlusterAlone returns ErrRefused if gluster has volumes besides that of the database. It is for the time when the cluster's
// Heketi does not run. dump is the copy of Heketi's database; it is empty if the copy has not been read.
func (t *Teardown) checkGlusterAlone(ctx context.Context, pods servers.Pods, dump heketi.Dump) error {
	names, err := pods.Volumes(ctx, t.Runner)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == t.Volume })
	if len(names) == 0 {
		return nil
	}
	for _, v := range dump.Volumes {
		if i := slices.Index(names, v.Name); i >= 0 && v.Pending != "" {
			names[i] += " (in the copy of Heketi's database, it is still being made or removed)"
		}
	}
	command := pods.VolumeCommand(t.Namespace)
	return fmt.Errorf("%w: gluster has volumes: %s. %sFor volumes that Heketi has (heketi-cli volume list), delete the claims and PersistentVolumes. See what the others are with %s info; "+
		"if nothing on them is needed, delete each with %s stop NAME and %s delete NAME. Then create this Job again", ErrRefused, few(names), t.startAgain(false), command, command, command)
}
