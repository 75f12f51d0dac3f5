package mount

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// SplitOptions splits mount flags into single options, as ParseOptions does: one flag may hold several options.
func SplitOptions(flags []string) []string { return splitFlags(optionTable(), flags) }

// splitFlags returns the single options of mount flags: one flag may hold several, separated by commas, as for mount -o. Heketi
// also uses commas in lists of backup servers, so a word that follows such a list is another server, unless it is the name of an
// option.
func splitFlags(table map[string]rule, flags []string) []string {
	var split [][]string // the options, each split at its commas
	for _, flag := range flags {
		inServers := false
		for part := range strings.SplitSeq(flag, ",") {
			part = strings.TrimSpace(part)
			if last := len(split) - 1; inServers && isServer(table, part) {
				split[last] = append(split[last], part)
				continue
			}
			name, _, _ := strings.Cut(part, "=")
			inServers = table[name].place == toServers
			split = append(split, []string{part})
		}
	}
	options := make([]string, 0, len(split))
	for _, parts := range split {
		options = append(options, strings.Join(parts, ","))
	}
	return options
}

func isServer(table map[string]rule, word string) bool {
	_, known := table[word]
	return word != "" && !known && !strings.Contains(word, "=") && !forOthers(word) && refusal(word) == ""
}

// Loggable returns a mount flag in a form that may be logged. It replaces free-form values with mask, because they may be secret.
func Loggable(flag, mask string) string {
	table := optionTable()
	options := splitFlags(table, []string{flag})
	for i, option := range options {
		if name, _, given := strings.Cut(option, "="); given && table[name].parse == nil {
			options[i] = name + "=" + mask
		}
	}
	return strings.Join(options, ",")
}

// backupServers parses a:b:[fd00::1], the form of mount.glusterfs, and a,b,fd00::1, the form of Heketi. Without a comma, an IPv6
// address must be in brackets: a::b is more likely a typing error than an address.
func backupServers(value string, _ bool) (string, error) {
	var servers []string
	commas := strings.Contains(value, ",")
	for list := range strings.SplitSeq(value, ",") {
		items := []string{list}
		if addr, _ := netip.ParseAddr(list); !addr.Is6() || !commas { // Is6 is false if the address cannot be parsed
			var err error
			if items, err = splitServers(list); err != nil {
				return "", err
			}
		}
		for _, item := range items {
			server, err := parseServer(item)
			if err != nil {
				return "", fmt.Errorf("%w (separate servers by colons or commas, and write IPv6 addresses in brackets)", err)
			}
			if server = bracket(server); !slices.Contains(servers, server) {
				servers = append(servers, server)
			}
			if len(servers) > MostServers {
				return "", errManyServers
			}
		}
	}
	return strings.Join(servers, ":"), nil
}

// splitServers splits at colons outside brackets.
func splitServers(list string) ([]string, error) {
	var items []string
	for rest, more := list, true; more; {
		item, after := rest, ""
		if end := strings.IndexByte(rest, ']') + 1; strings.HasPrefix(rest, "[") && end > 0 {
			item, after = rest[:end], rest[end:]
		} else if name, _, found := strings.Cut(rest, ":"); found {
			item, after = name, rest[len(name):]
		}
		if rest, more = strings.CutPrefix(after, ":"); !more && after != "" {
			return nil, fmt.Errorf("a colon must follow %q", item)
		}
		items = append(items, item)
	}
	return items, nil
}
