package mount

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Options are checked options of the GlusterFS client, made by ParseOptions. The zero value has none.
type Options struct {
	items []string // canonical "name" or "name=value", sorted by name
}

// ParseOptions checks mount flags, one option per item, against the allow list. The error wraps ErrInvalid and names
// the option, its value and what is allowed.
func ParseOptions(flags []string) (Options, error) {
	table := optionTable()
	values := map[string]string{}
	seen := map[string]bool{}
	for _, flag := range flags {
		name, value, err := parseOption(table, flag)
		if err != nil {
			return Options{}, fmt.Errorf("%w: mount flag %q: %w", ErrInvalid, flag, err)
		}
		r := table[name]
		if seen[r.exclude] {
			return Options{}, fmt.Errorf("%w: mount flag %q: %s is asked for too, choose one", ErrInvalid, flag, r.exclude)
		}
		seen[name] = true
		if r.place == nowhere {
			continue
		}
		if r.alias != "" {
			name = r.alias
		}
		if old, twice := values[name]; twice && old != value {
			if r.place != toServers {
				return Options{}, fmt.Errorf("%w: mount flag %q: it is given a second time, with another value than %q", ErrInvalid, flag, old)
			}
			if value, err = backupServers(old+":"+value, true); err != nil {
				return Options{}, fmt.Errorf("%w: mount flag %q: %w", ErrInvalid, flag, err)
			}
		}
		values[name] = value
	}
	var o Options
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			name += "=" + values[name]
		}
		o.items = append(o.items, name)
	}
	return o, nil
}

func parseOption(table map[string]rule, flag string) (name, value string, err error) {
	name, value, given := strings.Cut(flag, "=")
	if why := refusal(name); why != "" {
		return "", "", fmt.Errorf("the option %q is not allowed: %s", name, why)
	}
	if i := strings.IndexFunc(flag, unsafeInOption); i >= 0 {
		bad := []rune(flag[i:])[0]
		if bad == ',' {
			return "", "", errors.New("a comma: write one option per item")
		}
		return "", "", fmt.Errorf("the character %q: only letters, digits and -_.:=[] are allowed", bad)
	}
	r, known := table[name]
	if !known {
		return "", "", fmt.Errorf("the option %q is unknown; allowed are %s", name, strings.Join(slices.Sorted(maps.Keys(table)), ", "))
	}
	value, err = r.parse(value, given)
	return name, value, err
}

func unsafeInOption(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.:=[]", r)
}

// String is the canonical form, which ParseOptions reads back when split at commas: equal options, equal strings.
func (o Options) String() string { return strings.Join(o.items, ",") }

// ReadOnly tells whether the volume itself is mounted read-only.
func (o Options) ReadOnly() bool { return slices.Contains(o.items, "ro") }

// LogLevel is the log level asked for, or "".
func (o Options) LogLevel() string { return o.value("log-level") }

// Port is the glusterd port asked for, or 24007.
func (o Options) Port() int {
	if port, err := strconv.Atoi(o.value("volfile-server-port")); err == nil {
		return port
	}
	return 24007
}

// BackupServers are the servers named by backup-volfile-servers and backupvolfile-server.
func (o Options) BackupServers() []string {
	var servers []string
	value := o.value("backup-volfile-servers")
	for value != "" {
		var server string
		if strings.HasPrefix(value, "[") {
			server, value, _ = strings.Cut(value[1:], "]")
			value = strings.TrimPrefix(value, ":")
		} else {
			server, value, _ = strings.Cut(value, ":")
		}
		servers = append(servers, server)
	}
	return servers
}

// ClientArgs are the arguments of glusterfs for these options; servers and log level are not among them.
func (o Options) ClientArgs() []string {
	table := optionTable()
	var args, flags []string
	for _, item := range o.items {
		name, value, given := strings.Cut(item, "=")
		r := table[name]
		switch {
		case r.place == toMount:
			flags = append(flags, name)
		case r.place == toClient && name != "log-level":
			if r.arg != "" {
				name = r.arg
			}
			if given {
				name += "=" + value
			}
			args = append(args, "--"+name)
		}
	}
	if len(flags) > 0 {
		args = append(args, "--fuse-mountopts="+strings.Join(flags, ","))
	}
	return args
}

func (o Options) value(name string) string {
	for _, item := range o.items {
		if value, ok := strings.CutPrefix(item, name+"="); ok {
			return value
		}
	}
	return ""
}

// MarshalJSON writes the canonical items.
func (o Options) MarshalJSON() ([]byte, error) {
	if o.items == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(o.items)
}

// UnmarshalJSON checks what it reads as ParseOptions does.
func (o *Options) UnmarshalJSON(data []byte) error {
	var items []string
	if err := json.Unmarshal(data, &items); err != nil {
		return fmt.Errorf("mount options: %w", err)
	}
	parsed, err := ParseOptions(items)
	*o = parsed
	return err
}
