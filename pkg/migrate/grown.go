package migrate

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// withGrowth returns both objects of a swap, with the volume's current size if the volume has grown since its migration. A claim
// may be expanded after the migration; a rollback then keeps the new size. now is nil for a PersistentVolume that an earlier run
// deleted; its size is then in the journal. If the present PersistentVolume differs in anything else, both objects are returned
// unchanged, so that the swap is refused.
func (a *Applier) withGrowth(name string, now *unstructured.Unstructured, from, to map[string]any) (grownFrom, grownTo map[string]any) {
	size := a.Journal.deleted[volumeEntry(name)].size
	if now != nil {
		size = sizeOf(now.Object)
	}
	if !isLarger(size, sizeOf(from)) {
		return from, to
	}
	grownFrom, grownTo = withSize(from, size), withSize(to, size)
	if now == nil || sameVolume(now.Object, grownTo) || isOfDriver(from) && sameVolume(now.Object, grownFrom) {
		return grownFrom, grownTo
	}
	return from, to
}

func sizeOf(pv map[string]any) string {
	size, _, _ := unstructured.NestedString(pv, "spec", "capacity", "storage")
	return size
}

// isLarger reports whether a is a larger quantity than b.
func isLarger(a, b string) bool {
	quantity, err := resource.ParseQuantity(a)
	if err != nil {
		return false
	}
	other, err := resource.ParseQuantity(b)
	return err == nil && quantity.Cmp(other) > 0
}

// withSize returns a copy of a PersistentVolume with another size.
func withSize(pv map[string]any, size string) map[string]any {
	changed := (&unstructured.Unstructured{Object: pv}).DeepCopy().Object
	_ = unstructured.SetNestedField(changed, size, "spec", "capacity", "storage")
	return changed
}
