package mount

import (
	"slices"
	"strings"
)

// UnboundedCache is an argument of every client whose mount options do not limit its cache. At its default limit of 65,536 files
// and directories, a client also forgets directories that are mount points. The kernel then silently drops the mounts on them,
// such as binds of directories, and volumes that are mounted inside this one.
const UnboundedCache = "--lru-limit=0"

// ReadClientArgs reconstructs the Source of a running client from its arguments, without volume id and cluster. The servers are
// in the order in which the client tries them, and include backup servers. It returns false if the arguments do not name a
// volume in this driver's form.
func ReadClientArgs(args []string) (Source, bool) {
	names := map[string]string{} // option names by argument
	for name, r := range optionTable() {
		if r.arg != "" {
			names[r.arg] = name
		}
	}
	var s Source
	var items []string
	for _, arg := range args {
		arg, isFlag := strings.CutPrefix(arg, "--")
		if !isFlag || "--"+arg == UnboundedCache { // the default is not an option of the volume
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
