package temporary

import (
	"context"
	"fmt"
)

// MakeDeletable changes the database, while no Heketi runs, so that Heketi can delete a volume with all of its bricks. The volume
// gets another name, because Heketi refuses to delete a volume with the name of its database's volume (heketi:
// apps/glusterfs/app_volume.go, VolumeDelete). Interrupted moves of bricks are forgotten.
func (o Options) MakeDeletable(ctx context.Context, volume, name string) error {
	return o.edit(ctx, fmt.Sprintf("rename volume %s and forget interrupted moves of bricks in Heketi's database", volume), func(d *export) bool {
		renamed := d.rename(volume, name)
		return d.abandonEvictions() || renamed
	})
}

// rename gives a volume another name, and reports whether there was a volume with the old name.
func (d *export) rename(volume, name string) (found bool) {
	d.each("volumeentries", func(_ string, v entry) {
		info := v.info()
		if string(info.fields["name"]) != string(quoted(volume)) {
			return
		}
		found = true
		info.fields["name"] = quoted(name)
		v.fields["Info"] = encoded(info.fields)
	})
	return found
}
