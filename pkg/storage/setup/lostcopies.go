package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
)

// mostNamed bounds the length of a list in a message.
const mostNamed = 10

// awaitReturn waits for a Heketi that has run before. If gluster does not reach enough copies of Heketi's database, awaitReturn
// logs a warning, and includes this reason in its error.
func (s *Setup) awaitReturn(ctx context.Context, server *heketi.Client) error {
	if why := s.lostCopies(ctx); why != nil {
		klog.FromContext(ctx).Info("WARNING: Heketi cannot start", "why", why.Error())
	}
	err := s.awaitHeketi(ctx, server)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if why := s.lostCopies(ctx); why != nil {
		return fmt.Errorf("%w (%w)", why, err)
	}
	return err
}

// lostCopies calls checkCopies with the servers that are usable now. If there are none, it returns nil: Heketi may still start.
func (s *Setup) lostCopies(ctx context.Context) error {
	seen, err := servers.FindUsable(ctx, s.Kubernetes, s.Runner, s.Namespace, s.Timing.Answer)
	if err != nil || len(seen.Usable) == 0 {
		return nil //nolint:nilerr // waiting for Heketi reports what is missing
	}
	return s.checkCopies(ctx, seen.Usable)
}

// checkCopies returns an error if gluster reaches too few of the nodes that have a brick of the database's volume. gluster's
// clients need a majority of the bricks if there are three or more, and otherwise one brick. If the bricks cannot be listed,
// checkCopies only logs that.
func (s *Setup) checkCopies(ctx context.Context, pods servers.Pods) error {
	bricks, err := pods.Bricks(ctx, s.Runner, s.Volume.Name)
	if err != nil {
		klog.FromContext(ctx).Info("The bricks of Heketi's database cannot be listed", "volume", s.Volume.Name, "err", err)
		return nil
	}
	var lost []string
	for _, b := range bricks {
		if b.Lost {
			lost = append(lost, b.Host)
		}
	}
	const quorumFrom = 3
	needed := 1
	if len(bricks) >= quorumFrom {
		needed = len(bricks)/2 + 1
	}
	if len(bricks)-len(lost) >= needed {
		return nil
	}
	return fmt.Errorf("volume %s, with Heketi's database, needs %d of its %d bricks, and gluster does not reach %s. If enough of these nodes come back, so does Heketi. "+
		"If they are lost for good, Heketi cannot start again: keep Secret %s, and see \"All copies are lost\" in the chart's README",
		s.Volume.Name, needed, len(bricks), strings.Join(lost, ", "), database.SecretName)
}

// checkEarlier returns an error if the backup has the complete volume of the database, and gluster lacks that volume. The setup
// then changes nothing, because the backup may be the only record of other volumes.
func (s *Setup) checkEarlier(ctx context.Context, server *heketi.Client, r reach) error {
	dump, err := server.Dump(ctx)
	if err != nil {
		return err
	}
	has, others := false, []string(nil)
	for _, v := range dump.Volumes {
		if v.Name == s.Volume.Name {
			has = has || v.Pending == ""
		} else {
			others = append(others, v.Name)
		}
	}
	if !has {
		return nil
	}
	there, err := r.pods.Volumes(ctx, s.Runner)
	if slices.Contains(there, s.Volume.Name) {
		return nil // even if other servers do not answer
	}
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(name string) bool { return !slices.Contains(there, name) })
	if len(others) > 0 {
		slices.Sort(others)
		return fmt.Errorf("volume %s, with Heketi's database, is gone, and gluster has other volumes of Heketi (%s). Keep Secret %s, which is the only record of them, and see \"All copies are lost\" in the chart's README",
			s.Volume.Name, plain.Few(others, mostNamed, ", ", " and "), database.SecretName)
	}
	return fmt.Errorf("the backup in Secret %s has volume %s, which gluster lacks: the backup is from an earlier installation; if the disks are new or wiped, "+
		"empty the backup with kubectl -n %s patch secret %s --type=json -p '[{\"op\":\"remove\",\"path\":\"/data\"}]', and delete the pod of this Job",
		database.SecretName, s.Volume.Name, s.Namespace, database.SecretName)
}
