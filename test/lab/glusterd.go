package lab

import "context"

// RestartGlusterd restarts a storage machine's glusterd with its present arguments and environment. The caller must check that
// the other servers are connected again.
func (m *Machine) RestartGlusterd(ctx context.Context) error {
	const script = `
pid=$(cat /run/glusterd.pid)
environ=$(tr '\0' '\n' </proc/$pid/environ)
args=$(tr '\0' '\n' </proc/$pid/cmdline)
kill $pid
while [ -e /proc/$pid ]; do sleep 0.02; done
exec env -i $environ $args`
	_, err := m.Output(ctx, "sh", "-ec", script)
	return err
}
