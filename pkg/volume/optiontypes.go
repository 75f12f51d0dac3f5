package volume

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// optionType is what the value of an option may be.
type optionType struct {
	allowed string // completes "must be ..."
	accepts func(value string) bool
}

// glusterOptions are the options of gluster volume set that make sense for a volume of Kubernetes and can hurt
// nobody else: none names a file or a program on a gluster node, and none is Heketi's or glusterd's own business.
func glusterOptions() map[string]optionType {
	logLevel := oneOf("DEBUG", "WARNING", "ERROR", "INFO", "CRITICAL", "NONE", "TRACE")
	options := map[string]optionType{
		optionArbiter:      toggle(),
		optionFileSize:     number(1, 1<<40),
		optionZoneChecking: oneOf("none", "strict"),
		optionTagMatch:     matching(`^`+tagMatch+`$`, "key=value or key!=value"),

		"auth.allow":     matching(`^[A-Za-z0-9.:_-]+$`, "an address or host name; several cannot be given here"),
		"auth.reject":    matching(`^[A-Za-z0-9.:_-]+$`, "an address or host name; several cannot be given here"),
		"auth.ssl-allow": matching(`^[A-Za-z0-9.:_@-]+$`, "the common name of a certificate"),

		"client.event-threads":                 number(1, 32),
		"server.event-threads":                 number(1, 1024),
		"server.outstanding-rpc-limit":         number(0, 65536),
		"cluster.data-self-heal-algorithm":     oneOf("full", "diff"),
		"cluster.favorite-child-policy":        oneOf("none", "size", "ctime", "mtime", "majority"),
		"cluster.heal-timeout":                 number(5, 1<<31-1),
		"cluster.locking-scheme":               oneOf("full", "granular"),
		"cluster.min-free-disk":                matching(`^[0-9]{1,9}([KMGT]B|%)?$`, "a percentage such as 10% or a size such as 1GB"),
		"cluster.quorum-count":                 number(1, 3),
		"cluster.quorum-type":                  oneOf("none", "auto", "fixed"),
		"cluster.read-hash-mode":               number(0, 5),
		"cluster.self-heal-window-size":        number(1, 1024),
		"cluster.server-quorum-type":           oneOf("none", "server"),
		"cluster.shd-max-threads":              number(1, 64),
		"cluster.shd-wait-qlength":             number(1, 655536),
		"diagnostics.brick-log-level":          logLevel,
		"diagnostics.client-log-level":         logLevel,
		"features.cache-invalidation-timeout":  number(0, 600),
		"features.shard-block-size":            size(),
		"group":                                oneOf("db-workload", "distributed-virt", "metadata-cache", "nl-cache", "samba", "virt"),
		"network.frame-timeout":                number(0, 86400),
		"network.inode-lru-limit":              number(0, 1<<20),
		"network.ping-timeout":                 number(0, 1013),
		"performance.cache-max-file-size":      size(),
		"performance.cache-min-file-size":      size(),
		"performance.cache-refresh-timeout":    number(0, 60),
		"performance.cache-size":               size(),
		"performance.high-prio-threads":        number(1, 64),
		"performance.io-thread-count":          number(1, 64),
		"performance.least-prio-threads":       number(1, 64),
		"performance.low-prio-threads":         number(1, 64),
		"performance.md-cache-timeout":         number(0, 600),
		"performance.nl-cache-timeout":         number(0, 600),
		"performance.normal-prio-threads":      number(1, 64),
		"performance.rda-cache-limit":          size(),
		"performance.write-behind-window-size": size(),
		"storage.owner-gid":                    number(0, highestUsableGID),
		"storage.owner-uid":                    number(0, highestUsableGID),
		"transport.address-family":             oneOf("inet", "inet6"),
		"cluster.background-self-heal-count":   number(0, 256),
		"performance.nl-cache-limit":           size(),
		"cluster.self-heal-readdir-size":       size(),
		"storage.health-check-interval":        number(0, 86400),
	}
	for _, key := range toggles() {
		options[key] = toggle()
	}
	return options
}

// toggles are the options that are on or off.
func toggles() []string {
	return strings.Fields(`
		client.ssl server.ssl server.allow-insecure server.root-squash server.manage-gids
		cluster.choose-local cluster.consistent-metadata cluster.data-self-heal cluster.eager-lock
		cluster.ensure-durability cluster.entry-self-heal cluster.granular-entry-heal cluster.lookup-optimize
		cluster.lookup-unhashed cluster.metadata-self-heal cluster.optimistic-change-log cluster.readdir-optimize
		cluster.self-heal-daemon cluster.weighted-rebalance
		disperse.eager-lock disperse.other-eager-lock
		diagnostics.count-fop-hits diagnostics.latency-measurement
		features.cache-invalidation features.ctime features.shard features.utime features.uss
		network.remote-dio nfs.disable
		performance.cache-invalidation performance.cache-samba-metadata performance.client-io-threads
		performance.flush-behind performance.global-cache-invalidation performance.io-cache
		performance.iot-pass-through performance.lazy-open performance.nl-cache performance.nl-cache-positive-entry
		performance.open-behind performance.parallel-readdir performance.quick-read performance.read-after-open
		performance.read-ahead performance.readdir-ahead performance.stat-prefetch performance.strict-o-direct
		performance.strict-write-ordering performance.write-behind
		storage.build-pgfid storage.fips-mode-rchecksum storage.linux-aio`)
}

func toggle() optionType {
	return oneOf("on", "off", "enable", "disable", "yes", "no", "true", "false", "1", "0")
}

func oneOf(values ...string) optionType {
	return optionType{
		allowed: "one of " + strings.Join(values, ", "),
		accepts: func(value string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) })
		},
	}
}

func number(low, high int64) optionType {
	return optionType{
		allowed: fmt.Sprintf("a number from %d to %d", low, high),
		accepts: func(value string) bool {
			n, err := strconv.ParseInt(value, 10, 64)
			return err == nil && n >= low && n <= high
		},
	}
}

func size() optionType {
	return matching(`^[0-9]{1,9}([KMGT]B?)?$`, "a size such as 65536, 128KB, 64MB or 1GB")
}

func matching(pattern, allowed string) optionType {
	return optionType{allowed: allowed, accepts: regexp.MustCompile(pattern).MatchString}
}
