package volume

import (
	"fmt"
	"slices"
	"strings"
)

// profile is a named list of options for one kind of use. docs/classes.md describes the profiles.
type profile struct {
	options      []Option // of the gluster volume, in the order in which they are set
	mountOptions []string // of the client, unless the class or the PersistentVolume sets them
	replicated   bool     // gluster refuses some of the options for volumes without copies
}

// defaultProfile is used if a class has no profile: gluster's own defaults, as in the in-tree plugin.
const defaultProfile = "general"

// optionProfile stores a volume's profile in Heketi and gluster, which keep this option without interpreting it.
const optionProfile = "user.glusterfs-csi.profile"

// profiles returns all values of the parameter profile. If glusterfs 10.3 has a group of options for the purpose
// (/var/lib/glusterd/groups), the profile has the options of that group. Comments name the group, and give the reason for each
// difference.
func profiles() map[string]profile {
	return map[string]profile{
		defaultProfile: {},

		// metadata-cache, with a shorter md-cache-timeout than the group's 600 seconds. The servers announce a change to the
		// clients that have asked for the file or directory within the cache-invalidation-timeout. But a rename or link is
		// announced only to clients that have looked up the file, not to clients that have looked up only the directory
		// (glusterfs: xlators/features/upcall, up_rename_cbk and up_link_cbk): these clients see the directory's old time until
		// the md-cache-timeout has passed. readdir-ahead stays off, because it does not notice changes of a directory. nl-cache
		// stays off too: it remembers missing names, and is not told of a name that is made while the client's graph changes. A
		// rename of a file that was just written would then fail with ENOENT, about once in each expansion.
		"small-files": {
			options: []Option{
				{"features.cache-invalidation", "on"},
				{"features.cache-invalidation-timeout", "600"},
				{"performance.cache-invalidation", "on"},
				{"performance.stat-prefetch", "on"},
				{"performance.md-cache-timeout", "30"},
				{"performance.quick-read-cache-invalidation", "on"},
				{"network.inode-lru-limit", "200000"},
			},
		},

		// gluster has no group for large files. More data in flight in both directions hides the latency of the network.
		"large-files": {options: []Option{
			{"performance.read-ahead", "on"},
			{"performance.read-ahead-page-count", "16"},
			{"performance.write-behind-window-size", "8MB"},
		}},

		// virt, without user.cifs, which is for volumes that the servers share by Samba. Files are cut into shards, so
		// cluster.lookup-optimize must be off: if it is on, an expansion may damage such files (glusterfs: pull request 2254).
		"virtual-machines": {replicated: true, options: []Option{
			{"performance.quick-read", "off"},
			{"performance.read-ahead", "off"},
			{"performance.io-cache", "off"},
			{"performance.low-prio-threads", "32"},
			{"network.remote-dio", "disable"},
			{"performance.strict-o-direct", "on"},
			{"cluster.eager-lock", "enable"},
			{"cluster.quorum-type", "auto"},
			{"cluster.server-quorum-type", "server"},
			{"cluster.data-self-heal-algorithm", "full"},
			{"cluster.locking-scheme", "granular"},
			{"cluster.shd-max-threads", "8"},
			{"cluster.shd-wait-qlength", "10000"},
			{"features.shard", "on"},
			{"cluster.choose-local", "off"},
			{"client.event-threads", "4"},
			{"server.event-threads", "4"},
			{"performance.client-io-threads", "on"},
			{"network.ping-timeout", "20"},
			{"server.tcp-user-timeout", "20"},
			{"server.keepalive-time", "10"},
			{"server.keepalive-interval", "2"},
			{"server.keepalive-count", "5"},
			{"cluster.lookup-optimize", "off"},
		}},

		// db-workload
		"database": {
			options: []Option{
				{"performance.open-behind", "on"},
				{"performance.write-behind", "off"},
				{"performance.stat-prefetch", "off"},
				{"performance.quick-read", "off"},
				{"performance.strict-o-direct", "on"},
				{"performance.read-ahead", "off"},
				{"performance.io-cache", "off"},
				{"performance.readdir-ahead", "off"},
				{"performance.client-io-threads", "on"},
				{"server.event-threads", "4"},
				{"client.event-threads", "4"},
				{"performance.read-after-open", "yes"},
			},
			// Without stat-prefetch, the kernel is not told to drop cached pages of a file that another client has changed: a
			// database that returns to a node would read old pages for as long as the node keeps them. A change of the volume's
			// graph has the same effect on a file that was opened before the change and is opened again after it
			// (docs/mounts.md).
			mountOptions: []string{"fopen-keep-cache=off"},
		},
	}
}

func (p *parser) setProfile(value string) error {
	known := profiles()
	if _, ok := known[value]; !ok {
		return Invalid("profile", value, "must be one of "+strings.Join(sortedKeys(known), ", ")+"; see docs/classes.md")
	}
	p.profile = value
	return nil
}

// applyProfile puts the profile's options before those of the class. Options that the class sets itself are left out of the
// profile.
func (p *parser) applyProfile() error {
	if i := slices.IndexFunc(p.Options, func(o Option) bool { return o.Key == optionProfile }); i >= 0 {
		return Invalid(fieldOptions, p.Options[i].String(), "is set by the driver; write the parameter profile instead")
	}
	chosen := profiles()[p.profile]
	if chosen.replicated && p.Durability.Type != Replicate {
		return Invalid("profile", p.profile, fmt.Sprintf("needs volumetype replicate:2 or replicate:3, not %s: gluster refuses its options "+
			"for volumes without copies", p.Durability))
	}
	if p.profile == defaultProfile {
		return nil
	}
	options := slices.DeleteFunc(chosen.options, func(o Option) bool {
		return slices.ContainsFunc(p.Options, func(own Option) bool { return own.Key == o.Key })
	})
	p.Options = slices.Concat(options, []Option{{optionProfile, p.profile}}, p.Options)
	return nil
}

// MountOptionsOf returns the client's mount options from the profile of a volume with these gluster options ("key value"). A
// profile unknown to this version has none.
func MountOptionsOf(options []string) []string {
	for _, option := range options {
		if key, value, _ := strings.Cut(option, " "); key == optionProfile {
			return profiles()[value].mountOptions
		}
	}
	return nil
}
