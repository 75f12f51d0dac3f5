package volume

import "strings"

// glusterOptions returns the options of the command "gluster volume set" that are useful for a volume of Kubernetes and cannot
// harm other volumes: no option names a file or a program on a gluster server, and no option concerns glusterd itself. Values and
// limits are those of GlusterFS 10.3; test/integration sets them on a volume.
func glusterOptions() map[string]optionType {
	logLevel := oneOf("DEBUG", "WARNING", "ERROR", "INFO", "CRITICAL", "NONE", "TRACE")
	options := map[string]optionType{
		optionArbiter:      toggle(),
		optionFileSize:     number(1, 1<<40),
		optionZoneChecking: oneOf("none", "strict"),
		optionTagMatch:     matching(tagRule, "key=value or key!=value"),

		"auth.allow":     clients(),
		"auth.reject":    clients(),
		"auth.ssl-allow": matching(commonName, "the common name of a certificate"),

		"client.event-threads":                 number(1, 32),
		"server.event-threads":                 number(1, 1024),
		"server.outstanding-rpc-limit":         number(0, 65536),
		"cluster.background-self-heal-count":   number(0, most),
		"cluster.data-self-heal":               oneOf("on", "off", "enable", "disable", "yes", "no", "true", "false", "1", "0", "open"),
		"cluster.data-self-heal-algorithm":     oneOf("full", "diff"),
		"cluster.favorite-child-policy":        oneOf("none", "size", "ctime", "mtime", "majority"),
		"cluster.heal-timeout":                 number(5, most),
		"cluster.locking-scheme":               oneOf("full", "granular"),
		"cluster.lookup-unhashed":              oneOf("auto", "on", "off", "enable", "disable", "yes", "no", "1", "0"),
		"cluster.min-free-disk":                percentOrSize(),
		"cluster.quorum-count":                 number(1, 3),
		"cluster.quorum-type":                  oneOf("none", "auto", "fixed"),
		"cluster.read-hash-mode":               number(0, 5),
		"cluster.self-heal-readdir-size":       size("1KB", "128KB"),
		"cluster.self-heal-window-size":        number(1, 1024),
		"cluster.server-quorum-type":           oneOf("none", "server"),
		"cluster.shd-max-threads":              number(1, 64),
		"cluster.shd-wait-qlength":             number(1, 655536),
		"diagnostics.brick-log-level":          logLevel,
		"diagnostics.client-log-level":         logLevel,
		"features.cache-invalidation-timeout":  number(0, most),
		"features.shard-block-size":            size("4MB", "4TB"),
		optionGroup:                            oneOf("db-workload", "distributed-virt", "metadata-cache", "nl-cache", "samba", "virt"),
		"network.frame-timeout":                seconds(0, 86400),
		"network.inode-lru-limit":              number(0, 1<<20),
		"network.ping-timeout":                 seconds(0, 1013),
		"performance.cache-max-file-size":      size(),
		"performance.cache-min-file-size":      size(),
		"performance.cache-refresh-timeout":    number(0, 60),
		"performance.cache-size":               size("4MB"),
		"performance.high-prio-threads":        number(1, 64),
		"performance.io-thread-count":          number(1, 64),
		"performance.least-prio-threads":       number(1, 64),
		"performance.low-prio-threads":         number(1, 64),
		"performance.md-cache-timeout":         number(0, 600),
		"performance.nl-cache-limit":           size(),
		"performance.nl-cache-timeout":         seconds(0, most),
		"performance.normal-prio-threads":      number(1, 64),
		"performance.rda-cache-limit":          size(),
		"performance.read-ahead-page-count":    number(1, 16),
		"performance.write-behind-window-size": size("512KB", "1GB"),
		"server.keepalive-count":               number(1, 127),
		"server.keepalive-interval":            number(1, 32767),
		"server.keepalive-time":                number(1, 32767),
		"server.tcp-user-timeout":              number(0, 1013),
		"storage.health-check-interval":        number(0, most),
		"transport.address-family":             oneOf("inet", "inet6"),
	}
	for _, key := range toggles() {
		options[key] = toggle()
	}
	for key := range strings.FieldsSeq(`cluster.data-self-heal cluster.entry-self-heal cluster.metadata-self-heal
		cluster.self-heal-daemon cluster.shd-max-threads`) {
		t := options[key]
		t.copies = true
		options[key] = t
	}
	return options
}

// toggles returns the options that are on or off.
func toggles() []string {
	return strings.Fields(`
		client.ssl server.ssl server.allow-insecure server.root-squash server.manage-gids
		cluster.choose-local cluster.consistent-metadata cluster.eager-lock
		cluster.ensure-durability cluster.entry-self-heal cluster.granular-entry-heal cluster.lookup-optimize
		cluster.metadata-self-heal cluster.optimistic-change-log cluster.readdir-optimize
		cluster.self-heal-daemon cluster.weighted-rebalance
		disperse.eager-lock disperse.other-eager-lock
		diagnostics.count-fop-hits diagnostics.latency-measurement
		features.cache-invalidation features.ctime features.shard features.uss
		network.remote-dio nfs.disable
		performance.cache-invalidation performance.cache-samba-metadata performance.client-io-threads
		performance.flush-behind performance.global-cache-invalidation performance.io-cache
		performance.iot-pass-through performance.lazy-open performance.nl-cache performance.nl-cache-positive-entry
		performance.open-behind performance.parallel-readdir performance.quick-read
		performance.quick-read-cache-invalidation performance.read-after-open performance.read-ahead performance.readdir-ahead performance.stat-prefetch performance.strict-o-direct
		performance.strict-write-ordering performance.write-behind
		storage.build-pgfid storage.fips-mode-rchecksum storage.linux-aio`)
}

// refusedOptions returns options that worked with the in-tree plugin, with the reason why they are refused.
func refusedOptions() map[string]string {
	const owner = "would contradict the group id that the volume gets, which lets pods write to it; leave it out, and set gidMin and gidMax if need be"
	return map[string]string{"storage.owner-gid": owner, "storage.owner-uid": owner}
}

// sameShortName returns options that are not allowed, but that keep gluster from completing the short name of an allowed option:
// shd-max-threads may stand for cluster.shd-max-threads or for disperse.shd-max-threads.
func sameShortName() []string {
	return strings.Fields(`
		client.keepalive-count client.keepalive-interval client.keepalive-time client.tcp-user-timeout
		disperse.optimistic-change-log disperse.quorum-count disperse.self-heal-window-size disperse.shd-max-threads
		disperse.shd-wait-qlength nfs.outstanding-rpc-limit rebalance.ensure-durability`)
}
