package glusterlab

import (
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
)

// Round is a round on the lab.
type Round = rounds.Round[*rig]

// healedSoon is the time within which most calls must succeed again after the death of a client, with three busy pods on the same
// machine.
const healedSoon = 2 * time.Second

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
		{Name: "clients-killed-100", Deaths: true, Within: healedSoon, Do: clientsKilled(100)},
		{Name: "clients-killed-20-at-once", Deaths: true, Do: killedAtOnce(20)},
		{Name: "client-killed-during-heal-20", Deaths: true, Do: killedDuringHeals(20)},
		{Name: "clients-killed+plugin-down", Deaths: true, Do: killedWhilePluginDown},
		{Name: "client-out-of-memory", Deaths: true, Do: clientOutOfMemory},
		{Name: "client-stopped", Deaths: true, Once: true, Do: clientStopped}, // Once: otherwise the other client that hangs would be ended, too
		{Name: "volume-option-set", Gap: true, Do: optionsSet},
		{Name: "volume-expanded", Gap: true, Do: volumesExpanded},
		{Name: "node-power-cut", Do: nodePowerCut},
		{Name: "node-unplugged", Heal: healed, Do: nodeUnplugged},
		{Name: "storage-unplugged", Heal: healed, Do: storageUnplugged},
		{Name: "storage-unplugged+plugin-killed-20", Heal: healed, Do: rounds.Both(storageUnplugged, kills(20))},
		{Name: "storage-power-cut", Heal: healed, Do: storagePowerCut},
		{Name: "bricks-stopped", Gap: true, Heal: healedAfterStop, Do: bricksStopped},
		{Name: "bricks-stopped+plugin-restarted-5", Gap: true, Heal: healedAfterStop, Do: rounds.Both(bricksStopped, restarts(5))},
	}
}
