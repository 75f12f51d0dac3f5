package mount

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/nearest"
)

// Options holds checked options of the GlusterFS client, made by ParseOptions. The zero value is empty.
type Options struct {
	items   []string // canonical "name" or "name=value", sorted by name
	ignored []string // names, sorted; neither stored nor compared
}

// ParseOptions checks mount flags against the allow list. A flag holds one option, or several separated by commas. The error
// wraps ErrInvalid, and names the option and what is allowed. It does not contain the value of an unknown option, which may be a
// secret.
func ParseOptions(flags []string) (Options, error) {
	table := optionTable()
	values := map[string]string{}
	seen := map[string]bool{}
	ignored := map[string]bool{}
	for _, flag := range splitFlags(table, flags) {
		name, value, err := parseOption(table, flag)
		if err != nil {
			return Options{}, err
		}
		r := table[name]
		if seen[r.exclude] {
			return Options{}, invalidFlag(flag, fmt.Errorf("%s is also given, choose one", r.exclude))
		}
		seen[name] = true
		if r.place == ignoreReported {
			ignored[name] = true
		}
		if r.ignored() || forOthers(name) {
			continue
		}
		if r.alias != "" {
			name = r.alias
		}
		if old, twice := values[name]; twice && old != value {
			if r.place != toServers {
				return Options{}, invalidFlag(flag, fmt.Errorf("it is given twice; the other value is %q", old))
			}
			if value, err = backupServers(old+":"+value, true); err != nil {
				return Options{}, invalidFlag(flag, err)
			}
		}
		values[name] = value
	}
	o := Options{ignored: slices.Sorted(maps.Keys(ignored))}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			name += "=" + values[name]
		}
		o.items = append(o.items, name)
	}
	return o, nil
}

// optionsPage is the document that describes the options.
const optionsPage = "docs/parameters.md#mountoptions"

func parseOption(table map[string]rule, flag string) (name, value string, err error) {
	name, value, given := strings.Cut(flag, "=")
	r, known := table[name]
	switch {
	case forOthers(name), known && r.parse == nil:
		return name, "", nil
	case name == "":
		return "", "", invalidFlag(flag, errors.New("an empty option; remove the extra comma"))
	case refusal(name) != "":
		return "", "", invalidFlag(name, fmt.Errorf("this option is not allowed: %s; see %s", refusal(name), optionsPage))
	}
	if i := strings.IndexFunc(name, unsafeInOption); i >= 0 {
		return "", "", invalidFlag(name, badCharacter(name[i:]))
	}
	if !known {
		hint := nearest.Hint(name, slices.Collect(maps.Keys(table)))
		return "", "", invalidFlag(name, fmt.Errorf("this option is unknown; %s", seePage(hint)))
	}
	if i := strings.IndexFunc(value, unsafeInOption); i >= 0 {
		return "", "", invalidFlag(flag, badCharacter(value[i:]))
	}
	if value, err = r.parse(value, given); err != nil {
		return "", "", invalidFlag(flag, err)
	}
	return name, value, nil
}

func seePage(hint string) string {
	if hint == "" {
		return "see " + optionsPage
	}
	return hint + " See " + optionsPage
}

func badCharacter(s string) error {
	return fmt.Errorf("the character %q is not allowed; only letters, digits and -_.:=[] are, and commas between options", []rune(s)[0])
}

func invalidFlag(flag string, err error) error {
	const longest = 100 // messages must stay readable
	if len(flag) > longest {
		flag = flag[:longest] + "..."
	}
	return fmt.Errorf("%w: mount flag %q: %w", ErrInvalid, flag, err)
}

// unsafeInOption accepts a comma, because splitFlags leaves commas only in lists of servers.
func unsafeInOption(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.:=[],", r)
}

// Ignored returns the names of the given options that have no effect in this driver. It leaves out those that only have a meaning
// in fstab.
func (o Options) Ignored() []string { return o.ignored }

// String returns the canonical form, which ParseOptions accepts when it is split at commas. Equal options give equal strings.
func (o Options) String() string { return strings.Join(o.items, ",") }

// ReadOnly reports whether the volume itself is mounted read-only.
func (o Options) ReadOnly() bool { return slices.Contains(o.items, "ro") }

// Suid reports whether set-user-id and set-group-id files in the volume take effect.
func (o Options) Suid() bool { return slices.Contains(o.items, "suid") }

// LogLevel returns the requested log level, or "".
func (o Options) LogLevel() string { return o.value("log-level") }

// EntryTimeout returns how long the kernel caches a directory entry, by default one second (glusterfs(8), --entry-timeout).
func (o Options) EntryTimeout() time.Duration {
	if seconds, err := strconv.Atoi(o.value("entry-timeout")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return time.Second
}

// Port returns the requested glusterd port, or 24007.
func (o Options) Port() int {
	if port, err := strconv.Atoi(o.value("volfile-server-port")); err == nil {
		return port
	}
	return glusterdPort
}

// glusterdPort is glusterd's default port.
const glusterdPort = 24007

// BackupServers returns the servers in backup-volfile-servers and backupvolfile-server.
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

// ClientArgs returns the arguments of glusterfs for these options, except servers and log level. It leaves out an option that
// another version of the driver has stored and that this version refuses.
func (o Options) ClientArgs() []string {
	table := optionTable()
	var args, flags []string
	for _, item := range o.items {
		if _, _, err := parseOption(table, item); err != nil {
			continue
		}
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

// UnmarshalJSON reads the output of MarshalJSON. It does not check the options, because an option that another version of the
// driver allowed must not make a volume's record unreadable.
func (o *Options) UnmarshalJSON(data []byte) error {
	var items []string
	if err := json.Unmarshal(data, &items); err != nil {
		return fmt.Errorf("mount options: %w", err)
	}
	*o = Options{items: items}
	return nil
}
