package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// batchLimit is the time in which all claims of a batch must be bound, or gone, on a busy machine. If Heketi was killed before it
// answered a create, and the repeated create has made the volume, the volume is deleted only when the first request is too old to
// be carried out: after the ten minutes of --late-requests. external-provisioner tries again at most five minutes later.
const batchLimit = 18 * time.Minute

// batch is a number of claims that are created at once.
type batch struct {
	*space
	count  int
	heketi *lab.Heketi
}

// newBatch creates the claims. heketi is the server of their class.
func newBatch(t *testing.T, namespace, class string, heketi *lab.Heketi, count int) *batch {
	t.Helper()
	b := &batch{space: newSpace(t, namespace), count: count, heketi: heketi}
	var manifests strings.Builder
	for i := range count {
		manifests.WriteString(claim(fmt.Sprintf("claim-%d", i), class, "ReadWriteMany", "1Gi"))
	}
	b.apply(manifests.String())
	return b
}

// bound returns how many claims are bound.
func (b *batch) bound() int {
	b.Helper()
	return strings.Count(b.kubectl("get", "pvc", "-o", "jsonpath={.items[*].status.phase}"), "Bound")
}

// someBound waits until some volumes exist. At that time others are being created, and others wait.
func (b *batch) someBound() {
	b.Helper()
	b.within("the first claims are bound", func() error {
		if bound := b.bound(); bound < 2 {
			return fmt.Errorf("%d claims are bound", bound)
		}
		return nil
	})
	b.isBinding()
}

// isBinding fails the test if all claims are bound, so that there is nothing left to disturb.
func (b *batch) isBinding() {
	b.Helper()
	if b.bound() == b.count {
		b.Fatalf("all %d claims are bound already: nothing was under way", b.count)
	}
}

func (b *batch) waitBound() {
	b.Helper()
	if _, err := b.try("wait", "pvc", "--all", "--for=jsonpath={.status.phase}=Bound", "--timeout="+batchLimit.String()); err != nil {
		b.Fatal(err)
	}
}

// complete waits until all claims are bound, and checks that each claim has one volume, that there are no other volumes, and that
// no unfinished volume is left.
func (b *batch) complete() {
	b.Helper()
	b.waitBound()
	b.within("each claim has one volume", func() error {
		if volumes := b.inHeketi(); len(volumes) != b.count {
			return fmt.Errorf("Heketi has %d volumes for %d claims: %q", len(volumes), b.count, volumes)
		}
		if volumes := b.persistentVolumes(); len(volumes) != b.count {
			return fmt.Errorf("there are %d PersistentVolumes for %d claims: %q", len(volumes), b.count, volumes)
		}
		operations, err := outside.Operations(b.Context(), b.heketi)
		if err == nil && len(operations) > 0 {
			err = fmt.Errorf("operations are left in Heketi: %q", operations)
		}
		return err
	})
}

// remove deletes the claims and waits until nothing is left of them.
func (b *batch) remove() {
	b.Helper()
	b.delete()
	b.waitGone()
}

// delete starts the deletion and does not wait.
func (b *batch) delete() {
	b.Helper()
	b.kubectl("delete", "pvc", "--all", "--wait=false")
}

// someGone waits until some volumes are gone. At that time others are being deleted, and others wait.
func (b *batch) someGone() {
	b.Helper()
	b.within("the first volumes are gone", func() error {
		if left := len(b.persistentVolumes()); left > b.count-2 {
			return fmt.Errorf("of %d volumes %d are left", b.count, left)
		}
		return nil
	})
	b.isEnding()
}

// isEnding fails the test if all volumes are gone, so that there is nothing left to disturb.
func (b *batch) isEnding() {
	b.Helper()
	if len(b.persistentVolumes()) == 0 {
		b.Fatalf("all %d volumes are gone already: nothing was under way", b.count)
	}
}

func (b *batch) waitGone() {
	b.Helper()
	b.within("nothing of the claims is left", func() error {
		if left := b.persistentVolumes(); len(left) > 0 {
			return fmt.Errorf("%d PersistentVolumes: %q", len(left), left)
		}
		if left := b.inHeketi(); len(left) > 0 {
			return fmt.Errorf("%d volumes in Heketi: %q", len(left), left)
		}
		return nil
	})
}

// ours reports whether a gluster volume belongs to one of the claims.
func (b *batch) ours(volume string) bool { return strings.Contains(volume, "csi-"+b.namespace+"_") }

// inHeketi returns the volumes that Heketi has for the claims, finished or not: "volume list" hides pending ones.
func (b *batch) inHeketi() []string {
	b.Helper()
	var names []string
	for _, v := range heketiVolumes(b.T, b.heketi) {
		if b.ours(v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// inGluster returns the gluster volumes of the claims.
func (b *batch) inGluster() []string {
	b.Helper()
	return slices.DeleteFunc(strings.Fields(gluster(b.T, "volume", "list")), func(name string) bool { return !b.ours(name) })
}

func (b *batch) persistentVolumes() []string {
	b.Helper()
	return strings.Fields(b.kubectl("get", "pv", "-o",
		`jsonpath={.items[?(@.spec.claimRef.namespace=="`+b.namespace+`")].metadata.name}`))
}

// within retries the check until it returns no error.
func (b *batch) within(what string, check func() error) {
	b.Helper()
	within(b.T, batchLimit, func() error {
		if err := check(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}
