package probe

import (
	"os"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestMain(m *testing.M) { os.Exit(mounttest.RunPrivate(m)) }
