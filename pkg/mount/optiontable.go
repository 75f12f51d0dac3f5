package mount

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place is where an option takes effect.
type place int

const (
	toClient       place = iota // argument of glusterfs
	toMount                     // flag of the FUSE mount
	toServers                   // more servers to fetch the volume file from
	ignore                      // accepted without effect: only for fstab, or the default
	ignoreReported              // accepted without effect; Options.Ignored returns it
)

// rule is one line of the option table.
type rule struct {
	place   place
	parse   func(value string, given bool) (string, error) // returns the canonical value, "" if the option has none; nil: any value is accepted
	arg     string                                         // option of glusterfs, if its name differs
	alias   string                                         // the name that is stored
	exclude string                                         // the option that contradicts this one
}

func (r rule) ignored() bool { return r.place == ignore || r.place == ignoreReported }

// optionTable returns the allow list: the options of mount.glusterfs that a glusterfs 10 client supports and that can neither
// write files, nor run code, nor change which volume is mounted.
func optionTable() map[string]rule {
	seconds := number(0, 86400)
	ignored := rule{place: ignore, parse: noValue}
	reported := rule{place: ignoreReported}
	flag := rule{place: toMount, parse: noValue}
	return map[string]rule{
		"acl":                         {parse: noValue},
		"attr-times-granularity":      {parse: number(1, 1_000_000_000)},
		"attribute-timeout":           {parse: seconds},
		"auto-invalidation":           {parse: boolean},
		"background-qlen":             {parse: number(16, 65536)},
		"congestion-threshold":        {parse: number(12, 65536)},
		"direct-io-mode":              {parse: oneOf(map[string]string{"enable": "on", "disable": "off", "on": "on", "off": "off", "auto": "auto"})},
		"entry-timeout":               {parse: seconds},
		"event-history":               {parse: boolean},
		"fopen-keep-cache":            {parse: boolean},
		"fuse-dev-eperm-ratelimit-ns": {parse: number(0, 1_000_000_000)},
		"fuse-flush-handle-interrupt": {parse: boolean},
		"gid-timeout":                 {parse: seconds},
		"global-threading":            {parse: boolean},
		"invalidate-limit":            {parse: number(0, 1_000_000)},
		"kernel-writeback-cache":      {parse: boolean},
		"localtime-logging":           {parse: noValue},
		"log-level":                   {parse: logLevel},
		"lru-limit":                   {parse: number(0, 100_000_000)},
		"negative-timeout":            {parse: seconds},
		"reader-thread-count":         {parse: number(1, 64)},
		"resolve-gids":                {parse: noValue},
		"selinux":                     {parse: noValue},
		"use-readdirp":                {parse: boolean},
		"worm":                        {parse: noValue},
		"volfile-server-port":         {parse: number(1024, 65535)},
		"server-port":                 {parse: number(1024, 65535), alias: "volfile-server-port"},
		"backup-volfile-servers":      {place: toServers, parse: backupServers},
		"backupvolfile-server":        {place: toServers, parse: backupServers, alias: "backup-volfile-servers"},

		"ro":      {parse: noValue, arg: "read-only", exclude: "rw"},
		"rw":      {place: ignore, parse: noValue, exclude: "ro"},
		"noatime": flag,
		"noexec":  flag,
		"suid":    {place: toMount, parse: noValue, exclude: "nosuid"},
		"nosuid":  {place: ignore, parse: noValue, exclude: "suid"},
		"nodev":   ignored,

		// Options that in-tree volumes and fstab carried, and those that are the defaults. FUSE never keeps access times.
		"transport": {place: ignore, parse: oneOf(map[string]string{"tcp": "tcp", "socket": "tcp"})},
		"comment":   {place: ignore},
		"_netdev":   ignored, "nofail": ignored, "auto": ignored, "noauto": ignored, "defaults": ignored,
		"async": ignored, "exec": ignored,
		"atime": ignored, "relatime": ignored, "norelatime": ignored, "strictatime": ignored, "nostrictatime": ignored,
		"diratime": ignored, "nodiratime": ignored,

		// Device files never work (Flags).
		"dev": reported,
		// The driver keeps one log per volume, cleans up after dead clients and repeats failed mounts itself.
		"log-file": reported, "logger": reported, "log-format": reported, "log-buf-size": reported, "log-flush-timeout": reported,
		"auto_unmount": reported, "fetch-attempts": reported, "volfile-max-fetch-attempts": reported, "mem-accounting": reported,
		// mount.glusterfs accepts these and ignores them.
		"sync": reported, "dirsync": reported, "mand": reported, "nomand": reported, "silent": reported, "loud": reported,
		"iversion": reported, "noiversion": reported,
	}
}

// forOthers reports whether an option is for other readers of fstab, judging by its name: mount(8) reserves "x-" for userspace
// programs such as systemd.
func forOthers(name string) bool {
	return strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-")
}

// refusal returns why users may not set an existing option of the client, or "" if there is no such reason.
func refusal(name string) string {
	switch name {
	case "fuse-mountopts":
		return "write the mount flag itself: ro, noatime, noexec or suid"
	case "xlator-option":
		return "it would change which data is mounted, or who may reach it; options of the volume belong in volumeoptions of the StorageClass"
	case "context", "fscontext", "defcontext", "rootcontext":
		return "it would change who may reach the data; selinux keeps the labels of the volume's files"
	case "volfile-server":
		return "it would change which data is mounted; backup-volfile-servers adds servers"
	case "volume-name", "volfile", "volfile-check", "volfile-id", "volume-id",
		"volfile-server-transport", "process-name", "thin-client", "aux-gfid-mount",
		"no-root-squash", "root-squash", "secure-mgmt", "capability":
		return "it would change which data is mounted, or who may reach it"
	case "subdir-mount":
		return "name the directory with the volume: <volume>/<directory>"
	case "dump-fuse", "pid-file", "socket-file", "print-exports", "print-netgroups":
		return "it makes the client write or read files of the node; log-level=DEBUG makes the client's log more detailed"
	case "oom-score-adj", "io-engine", "debug", "no-daemon", "mac-compat", "brick-mux":
		return "the client does not work with it in this driver"
	}
	return ""
}

func noValue(value string, given bool) (string, error) {
	// The value "true" is accepted, because glusterfs itself shows some of these options as option[=BOOL].
	if given && value != "true" {
		return "", errors.New("it takes no value")
	}
	return "", nil
}

func boolean(value string, given bool) (string, error) {
	switch strings.ToLower(value) {
	case "on", "yes", "true", "enable", "1":
		return "on", nil
	case "off", "no", "false", "disable", "0":
		return "off", nil
	case "":
		if !given {
			return "on", nil
		}
	}
	return "", errors.New("allowed are on and off")
}

func number(low, high int) func(string, bool) (string, error) {
	return func(value string, _ bool) (string, error) {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || int(n) < low || int(n) > high {
			return "", fmt.Errorf("allowed is a whole number from %d to %d", low, high)
		}
		return strconv.FormatUint(n, 10), nil
	}
}

func oneOf(canonical map[string]string) func(string, bool) (string, error) {
	return func(value string, _ bool) (string, error) {
		if c, ok := canonical[strings.ToLower(value)]; ok {
			return c, nil
		}
		names := make([]string, 0, len(canonical))
		for name := range canonical {
			names = append(names, name)
		}
		slices.Sort(names)
		return "", fmt.Errorf("allowed are %s", strings.Join(names, ", "))
	}
}

func logLevel(value string, _ bool) (string, error) {
	levels := []string{"TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE"}
	if level := strings.ToUpper(value); slices.Contains(levels, level) {
		return level, nil
	}
	return "", fmt.Errorf("allowed are %s", strings.Join(levels, ", "))
}
