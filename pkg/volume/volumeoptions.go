package volume

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Option is an option of a gluster volume, as the command "gluster volume set" accepts it.
type Option struct {
	Key, Value string
}

// String returns the form that Heketi accepts.
func (o Option) String() string { return o.Key + " " + o.Value }

// Options that Heketi interprets (heketi: apps/glusterfs/volume_entry.go). Heketi also passes them to gluster, which only stores
// options that begin with "user.heketi.".
const (
	heketiOptions      = "user.heketi."
	optionArbiter      = heketiOptions + "arbiter"
	optionFileSize     = heketiOptions + "average-file-size"
	optionZoneChecking = heketiOptions + "zone-checking"
	optionTagMatch     = heketiOptions + "device-tag-match"

	optionGroup = "group" // sets all options that a file on the gluster server lists

	fieldOptions = "volumeoptions"
)

var (
	userOption = regexp.MustCompile(`^user\.[A-Za-z0-9][A-Za-z0-9._-]{0,100}$`)
	// shellSafe matches words that are safe in a shell command. Heketi writes options into the command "gluster volume set NAME
	// KEY VALUE", which root runs on a gluster server. gluster takes every word that begins with dashes as a command-line option,
	// such as --log-file=.
	shellSafe = regexp.MustCompile(`^[A-Za-z0-9._:/@%+=][A-Za-z0-9._:/@%+=-]{0,199}$`)
	// readByServers matches user.* options that programs on a gluster server act on. glusterd loads a translator for
	// user.xlator.*. Hook scripts of glusterd search the options, written as key=value, for patterns like the others, and share
	// the volume by Samba or NFS (glusterfs: extras/hook-scripts, S30samba-start.sh, S31ganesha-start.sh,
	// S13create-subdir-mounts.sh).
	readByServers = regexp.MustCompile(`^user\.xlator|user.smb|user.cifs|ganesha.enable|auth.allow`)
)

// tagMatch matches Heketi's filter of devices by tag (heketi: pkg/glusterfs/api, ValidateTags; apps/glusterfs/tag_matcher.go),
// without a leading dash.
const tagMatch = `[a-zA-Z0-9_.][a-zA-Z0-9_.-]{0,31}!?=[a-zA-Z0-9_.@/-]{0,64}`

// mergeOptions adds the options that are set by separate parameters.
func mergeOptions(options, named []Option) ([]Option, error) {
	slices.SortStableFunc(named, func(a, b Option) int { return strings.Compare(a.Key, b.Key) }) // they were read in random order
	for _, n := range named {
		i := slices.IndexFunc(options, func(o Option) bool { return o.Key == n.Key })
		if i < 0 {
			options = append(options, n)
		} else if options[i].Value != n.Value {
			return nil, Invalid(fieldOptions, options[i].String(), "contradicts the class's parameter for this option, which sets "+n.Value)
		}
	}
	return options, nil
}

// HasArbiter reports whether the third brick of each set holds names and attributes only. It interprets the option like Heketi:
// if the option is given more than once, the last value counts (heketi: apps/glusterfs/volume_entry.go, HasArbiterOption,
// volOptsMap).
func HasArbiter(options []Option) bool {
	on := false
	for _, o := range options {
		if o.Key == optionArbiter {
			on, _ = strconv.ParseBool(o.Value) // anything else is false
		}
	}
	return on
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parseOptions parses volumeoptions, "key value, key value". It keeps the order of the options: gluster sets one after the other,
// and a later option may override an option that a group sets.
func parseOptions(raw string) ([]Option, error) {
	known := glusterOptions()
	var options []Option
	for item := range strings.SplitSeq(raw, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue // an additional comma, which Heketi accepts from the in-tree plugin
		}
		if len(words) != 2 {
			return nil, Invalid(fieldOptions, item, `every item must be an option and its value, separated by a blank; items are separated by commas`)
		}
		option := Option{completed(words[0], known), words[1]}
		if err := checkOption(known, option); err != nil {
			return nil, err
		}
		for i, old := range options {
			if old == option {
				options = slices.Delete(options, i, i+1) // the last one counts
				break
			}
			if old.Key == option.Key && old.Key != optionGroup {
				return nil, Invalid(fieldOptions, old.Key, fmt.Sprintf("is given twice, as %s and as %s", old.Value, option.Value))
			}
		}
		options = append(options, option)
	}
	return options, nil
}

// completed returns the full name of an option that is given without the part before the dot. Like gluster, it completes a name
// only if exactly one option of gluster matches (glusterfs: glusterd-volume-set.c, glusterd_check_option_exists).
func completed(name string, known map[string]optionType) string {
	var full []string
	for _, keys := range [][]string{sortedKeys(known), sortedKeys(refusedOptions()), sameShortName()} {
		for _, key := range keys {
			if _, short, _ := strings.Cut(key, "."); short == name {
				full = append(full, key)
			}
		}
	}
	if len(full) != 1 {
		return name
	}
	return full[0]
}

func checkOption(known map[string]optionType, o Option) error {
	if reason, ok := refusedOptions()[o.Key]; ok {
		return Invalid(fieldOptions, o.String(), reason)
	}
	if t, ok := known[o.Key]; ok {
		if !t.accepts(o.Value) {
			return Invalid(fieldOptions, o.String(), "the value must be "+t.allowed)
		}
		return nil
	}
	switch {
	case strings.HasPrefix(o.Key, heketiOptions), !userOption.MatchString(o.Key):
		return Invalid(fieldOptions, o.Key, "is not an option that a class may set; "+listed(o.Key, sortedKeys(known)))
	case !shellSafe.MatchString(o.Value):
		return Invalid(fieldOptions, o.String(), "a value must consist of letters, digits and ._:/@%+=- and not begin with a dash")
	case readByServers.MatchString(o.Key + "=" + o.Value):
		return Invalid(fieldOptions, o.String(), "programs on the gluster servers act on it: they export the volume by Samba or NFS, "+
			"or load a translator; choose another name or value")
	}
	return nil
}

// checkCopies refuses options that gluster sets only on volumes with copies.
func checkCopies(options []Option, durability Durability) error {
	copies := 1
	if durability.Type == Replicate {
		copies = durability.Replica
	}
	known := glusterOptions()
	for _, o := range options {
		needed := 1
		switch count, err := strconv.Atoi(o.Value); {
		case known[o.Key].copies, o == Option{optionGroup, "virt"}: // the group contains such options
			needed = 2
		case o.Key == "cluster.quorum-count" && err == nil:
			needed = count
		}
		if copies < needed {
			return Invalid(fieldOptions, o.String(), fmt.Sprintf("needs a volumetype with at least %d copies, not %s; leave the option out", needed, durability))
		}
	}
	return nil
}
