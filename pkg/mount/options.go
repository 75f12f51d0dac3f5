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

// Options are checked options of the GlusterFS client, made by ParseOptions. The zero value has none.
type Options struct {
	items   []string // canonical "name" or "name=value", sorted by name
	ignored []string // names, sorted; neither stored nor compared
}

// ParseOptions checks mount flags against the allow list. A flag holds one option, or several separated by commas. The
// error wraps ErrInvalid and names the option and what is allowed. The value of an unknown option is not in it: it may
// be a secret.
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
			return Options{}, invalidFlag(flag, fmt.Errorf("%s is asked for too, choose one", r.exclude))
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
				return Options{}, invalidFlag(flag, fmt.Errorf("it is given a second time, with another value than %q", old))
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

// optionsPage is where the options are described.
const optionsPage = "docs/parameters.md#mountoptions"

func parseOption(table map[string]rule, flag string) (name, value string, err error) {
	name, value, given := strings.Cut(flag, "=")
	r, known := table[name]
	switch {
	case forOthers(name), known && r.parse == nil:
		return name, "", nil
	case name == "":
		return "", "", invalidFlag(flag, errors.New("an empty option; remove the comma that is too many"))
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
	return fmt.Errorf("the character %q: only letters, digits and -_.:=[] are allowed, and commas between options", []rune(s)[0])
}

func invalidFlag(flag string, err error) error {
	const longest = 100 // a message is for reading
	if len(flag) > longest {
		flag = flag[:longest] + "..."
	}
	return fmt.Errorf("%w: mount flag %q: %w", ErrInvalid, flag, err)
}

// unsafeInOption admits a comma: splitFlags leaves it in lists of servers only.
func unsafeInOption(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.:=[],", r)
}

// Ignored returns the names of the options that were given and have no meaning in this driver. Those that mean nothing
// anywhere but in fstab are not among them.
func (o Options) Ignored() []string { return o.ignored }

// String is the canonical form, which ParseOptions reads back when split at commas: equal options, equal strings.
func (o Options) String() string { return strings.Join(o.items, ",") }

// ReadOnly tells whether the volume itself is mounted read-only.
func (o Options) ReadOnly() bool { return slices.Contains(o.items, "ro") }

// Suid reports whether set-user-id and set-group-id files in the volume are to work.
func (o Options) Suid() bool { return slices.Contains(o.items, "suid") }

// LogLevel is the log level asked for, or "".
func (o Options) LogLevel() string { return o.value("log-level") }

// EntryTimeout is how long the kernel trusts a directory entry, by default one second (glusterfs(8), --entry-timeout).
func (o Options) EntryTimeout() time.Duration {
	if seconds, err := strconv.Atoi(o.value("entry-timeout")); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return time.Second
}

// Port is the glusterd port asked for, or 24007.
func (o Options) Port() int {
	if port, err := strconv.Atoi(o.value("volfile-server-port")); err == nil {
		return port
	}
	return glusterdPort
}

// glusterdPort is where glusterd listens unless it is told otherwise.
const glusterdPort = 24007

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

// ClientArgs are the arguments of glusterfs for these options; servers and log level are not among them. An option that
// ParseOptions refuses, which another version of the driver has written down, is left out.
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

// UnmarshalJSON reads what MarshalJSON has written. It checks no option: one that another version of the driver has allowed must not
// make the record of a volume unreadable.
func (o *Options) UnmarshalJSON(data []byte) error {
	var items []string
	if err := json.Unmarshal(data, &items); err != nil {
		return fmt.Errorf("mount options: %w", err)
	}
	*o = Options{items: items}
	return nil
}
