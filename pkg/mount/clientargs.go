package mount

import (
	"slices"
	"strings"
)

// UnboundedCache is an argument of every client whose mount options do not bound its cache. At its own limit, 65,536 files and
// directories, a client forgets some that are mounted somewhere: the kernel then silently drops what is mounted there, as binds of
// directories and volumes below one another.
const UnboundedCache = "--lru-limit=0"

// ReadClientArgs is the way back from the arguments of a client that runs to what it was started for: a Source without volume id
// and cluster. The servers are in the order in which the client tries them; an address loses nothing, but a backup server is one of
// them. It reports false if the arguments name no volume as this driver does.
func ReadClientArgs(args []string) (Source, bool) {
	names := map[string]string{} // by argument
	for name, r := range optionTable() {
		if r.arg != "" {
			names[r.arg] = name
		}
	}
	var s Source
	var items []string
	for _, arg := range args {
		arg, isFlag := strings.CutPrefix(arg, "--")
		if !isFlag || "--"+arg == UnboundedCache { // the default is no option of the volume's
			continue
		}
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "volfile-server":
			s.Servers = append(s.Servers, value)
		case "volfile-id":
			s.Volume = strings.TrimPrefix(value, "/")
		case "subdir-mount":
			s.Subdir = strings.TrimPrefix(value, "/")
		case "fuse-mountopts":
			items = append(items, strings.Split(value, ",")...)
		case "process-name", "log-file", "xlator-option":
		default:
			if option, ok := names[name]; ok {
				arg = option + arg[len(name):]
			}
			items = append(items, arg)
		}
	}
	slices.Sort(items)
	s.Options = Options{items: items}
	for i, server := range s.Servers {
		s.Servers[i] = withoutPort(server, s.Options.Port())
	}
	return s, len(s.Servers) > 0 && checkVolume(s.Volume, s.Subdir) == nil
}
