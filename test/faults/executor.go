package faults

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"time"
)

// The switches of Heketi's executor: files that cause failures while they exist.
const (
	switchSlow         = "slow"          // creating, stopping and enlarging a volume takes a while
	switchCreateFails  = "create-fails"  // a volume cannot be started or enlarged
	switchDestroyFails = "destroy-fails" // a volume cannot be deleted, and a failed create cannot be undone
	switchNoSpace      = "no-space"      // a disk has less space than in Heketi's records
)

// slowness is how long a slow command takes; a create or delete has one or two of them.
const slowness = 200 * time.Millisecond

// executorConfig makes Heketi answer all its commands for storage nodes itself, without sending them. The first hook that matches
// a command is used (heketi: executors/injectexec/hooks.go).
func executorConfig(dir, keyFile string) map[string]any {
	hook := func(command, switched string, reaction map[string]any) map[string]any {
		h := map[string]any{"Cmd": command, "Reaction": reaction}
		if switched != "" {
			h["CondFile"] = filepath.Join(dir, switched)
		}
		return h
	}
	fails := func(text string) map[string]any { return map[string]any{"Err": text} }
	const never = 1 << 30 // seconds
	return map[string]any{
		"executor": "inject/ssh",
		"sshexec":  map[string]any{"keyfile": keyFile, "user": "nobody", "fstab": "/dev/null"},
		"injectexec": map[string]any{"command_injection": map[string]any{"commands": []any{
			hook("volume (start|add-brick) ", switchCreateFails, fails("volume start: failed: injected")),
			hook("volume (start|add-brick) ", switchNoSpace, fails(`Volume group "vg" has insufficient free space (0 extents): 256 required.`)),
			hook("volume (create|stop|add-brick|rebalance) ", switchSlow, map[string]any{"Result": "ok", "Pause": pauseOf(slowness)}),
			hook("volume delete ", switchDestroyFails, fails("volume delete: failed: Some of the peers are down")),
			hook("thin_count", "", map[string]any{"Result": "0"}),
			hook(".*", "", map[string]any{"Result": "ok"}),
		}}},
		// By default, Heketi cleans up a minute after its start and then every hour; here it cleans up continuously.
		"start_time_background_cleaner":      1,
		"refresh_time_background_cleaner":    1,
		"start_time_monitor_gluster_nodes":   never,
		"refresh_time_monitor_gluster_nodes": never,
		"operation_retry_limits":             map[string]any{"volume_create": 1},
	}
}

// pauseOf returns the whole number of seconds that makes Heketi pause for d, a multiple of 512 ns: Heketi multiplies by 1e9 = 2^9
// * 5^9 without an overflow check, and therefore calculates modulo 2^64.
func pauseOf(d time.Duration) uint64 {
	const fives = 1_953_125 // 5^9
	inverse := uint64(fives)
	for range 6 { // Newton's method; the number of correct bits doubles
		inverse *= 2 - fives*inverse
	}
	return uint64(d) / 512 * inverse & (1<<55 - 1)
}

// writeKey writes a key that is never used for a login: Heketi requires one.
func writeKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}
