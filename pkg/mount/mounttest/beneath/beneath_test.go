package beneath_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest/beneath"
)

// TestRefuseNeedsRights: Refuse returns an error if it cannot install the filter, because a test without it would not test the
// behaviour of older kernels.
func TestRefuseNeedsRights(t *testing.T) {
	var err error
	mounttest.WithoutRight(t, unix.CAP_SYS_ADMIN, func() { err = beneath.Refuse() })
	if !errors.Is(err, unix.EACCES) {
		t.Errorf("%v", err)
	}
}
