package lab

import (
	"context"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// RestartGlusterd restarts a storage machine's glusterd with its present arguments and environment. The caller must check that
// the other servers are connected again.
func (m *Machine) RestartGlusterd(ctx context.Context) error {
	const script = `
pid=$(cat /run/glusterd.pid)
environ=$(tr '\0' '\n' </proc/$pid/environ)
args=$(tr '\0' '\n' </proc/$pid/cmdline)
kill $pid
while [ -e /proc/$pid ]; do sleep 0.02; done
exec env -i $environ $0 $args`
	_, err := m.Output(ctx, "sh", "-ec", script, machine.WithoutCore)
	return err
}
