package mount

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var glusterVolume = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,127}$`)

// ParseVolume splits "volume" or "volume/sub/dir". The error wraps ErrInvalid.
func ParseVolume(s string) (volume, subdir string, err error) {
	volume, subdir, _ = strings.Cut(strings.TrimPrefix(s, "/"), "/")
	subdir = strings.TrimSuffix(subdir, "/")
	return volume, subdir, checkVolume(volume, subdir)
}

func checkVolume(volume, subdir string) error {
	if !glusterVolume.MatchString(volume) {
		return fmt.Errorf("%w: volume %q: the name of a GlusterFS volume has letters, digits, - and _ only", ErrInvalid, volume)
	}
	if subdir == "" {
		return nil
	}
	for part := range strings.SplitSeq(subdir, "/") {
		if part == "" || part == "." || part == ".." || len(part) > 255 || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%w: volume %q: directory %q: each part must be a name of 1 to 255 bytes without control characters, and neither \"..\" nor \".\"", ErrInvalid, volume, subdir)
		}
	}
	return nil
}

// Validate checks the fields of a Source. The error wraps ErrInvalid.
func (s Source) Validate() error {
	if s.VolumeID == "" {
		return fmt.Errorf("%w: the volume id is empty", ErrInvalid)
	}
	switch n := len(s.Servers) + len(s.Options.BackupServers()); {
	case n == 0:
		return fmt.Errorf("%w: volume %s: no GlusterFS server is given", ErrInvalid, s.VolumeID)
	case n > MostServers:
		return fmt.Errorf("%w: volume %s: %w (servers in backup-volfile-servers count, too); see %s", ErrInvalid, s.VolumeID, errManyServers, serversPage)
	}
	for _, server := range s.Servers {
		if parsed, err := parseServer(server); err != nil || parsed != server {
			return fmt.Errorf("%w: volume %s: %q is not a server as ParseServers returns it", ErrInvalid, s.VolumeID, server)
		}
	}
	return checkVolume(s.Volume, s.Subdir)
}

// Path returns the volume's name and the directory in it, in the form that ParseVolume splits.
func (s Source) Path() string {
	if s.Subdir == "" {
		return s.Volume
	}
	return s.Volume + "/" + s.Subdir
}

// Difference describes why a mount of s shows different files than a mount of other, or allows different changes to them. It
// returns "" if there is no such difference.
func (s Source) Difference(other Source) string {
	switch {
	case s.Volume != other.Volume || s.Subdir != other.Subdir:
		return fmt.Sprintf("from %q, not from %q", s.Path(), other.Path())
	case s.Options.ReadOnly() != other.Options.ReadOnly():
		return fmt.Sprintf("with mount options %q, not %q", s.Options, other.Options)
	}
	return ""
}

// Outdated reports whether a client for s is started differently from one for other, given that Difference returns "". The order
// of servers does not matter. If s has no cluster and other has one, s is outdated: a Source that was read from a client's
// arguments lacks the cluster. Otherwise, the clusters do not matter.
func (s Source) Outdated(other Source) bool {
	sorted := func(servers []string) []string { return slices.Sorted(slices.Values(servers)) }
	return s.Options.String() != other.Options.String() || !slices.Equal(sorted(s.Servers), sorted(other.Servers)) || s.Cluster == "" && other.Cluster != ""
}
