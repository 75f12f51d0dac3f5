package glusterlab

import "github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"

// Round is a round on the lab.
type Round = rounds.Round[*rig]

// Rounds returns all rounds on the lab.
func Rounds() []Round {
	return []Round{
		{Name: "plugin-killed-50", Short: true, Do: kills(50)},
		{Name: "plugin-restarted-10", Short: true, Do: restarts(10)},
		{Name: "heketi-down", Short: true, Do: heketiDown},
		{Name: "log-disk-full", Short: true, Do: logDiskFull},
		{Name: "state-disk-read-only", Short: true, Do: stateReadOnly},
		{Name: "heketi-down+log-disk-full", Do: rounds.Both(heketiDown, logDiskFull)},
		{Name: "client-killed", Short: true, Do: clientKilled},
		{Name: "node-unplugged", Heal: healed, Do: nodeUnplugged},
		{Name: "storage-unplugged", Heal: healed, Do: storageUnplugged},
		{Name: "storage-unplugged+plugin-killed-20", Heal: healed, Do: rounds.Both(storageUnplugged, kills(20))},
		{Name: "storage-power-cut", Heal: healed, Do: storagePowerCut},
		{Name: "bricks-stopped", Heal: healed, Do: bricksStopped},
		{Name: "bricks-stopped+plugin-restarted-5", Heal: healed, Do: rounds.Both(bricksStopped, restarts(5))},
	}
}
