package volume

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Option is an option of a gluster volume, as gluster volume set takes it.
type Option struct {
	Key, Value string
}

// String is the form that Heketi takes.
func (o Option) String() string { return o.Key + " " + o.Value }

// Heketi's own options, which it does not pass on to gluster (heketi: apps/glusterfs/volume_entry.go).
const (
	heketiOptions      = "user.heketi."
	optionArbiter      = heketiOptions + "arbiter"
	optionFileSize     = heketiOptions + "average-file-size"
	optionZoneChecking = heketiOptions + "zone-checking"
	optionTagMatch     = heketiOptions + "device-tag-match"
)

var (
	userOption = regexp.MustCompile(`^user\.[a-z0-9][a-z0-9._-]{0,100}$`)
	// shellSafe: Heketi writes options into a shell command that root runs on a gluster node.
	shellSafe = regexp.MustCompile(`^[A-Za-z0-9._:/@%+=-]{1,200}$`)
)

// tagMatch is Heketi's filter of devices by tag (heketi: pkg/glusterfs/api, ValidateTags; apps/glusterfs/tag_matcher.go).
const tagMatch = `[a-zA-Z0-9_.-]{1,32}!?=[a-zA-Z0-9_.@/-]{0,64}`

// mergeOptions adds the options that parameters of their own stand for.
func mergeOptions(options, named []Option) ([]Option, error) {
	for _, n := range named {
		i := slices.IndexFunc(options, func(o Option) bool { return o.Key == n.Key })
		if i < 0 {
			options = append(options, n)
		} else if options[i].Value != n.Value {
			return nil, Invalid("volumeoptions", options[i].String(), "contradicts the parameter of its own that the class has for this option, which says "+n.Value)
		}
	}
	slices.SortFunc(options, func(a, b Option) int { return strings.Compare(a.Key, b.Key) })
	return options, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parseOptions reads volumeoptions, "key value, key value". The result is sorted by key.
func parseOptions(raw string) ([]Option, error) {
	const field = "volumeoptions"
	known := glusterOptions()
	values := map[string]string{}
	for item := range strings.SplitSeq(raw, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue // a comma too many, which Heketi forgives the in-tree plugin
		}
		if len(words) != 2 {
			return nil, Invalid(field, item, `every item must be an option and its value, separated by a blank; items are separated by commas`)
		}
		key, value := words[0], words[1]
		if err := checkOption(known, key, value); err != nil {
			return nil, err
		}
		if old, twice := values[key]; twice && old != value {
			return nil, Invalid(field, key, fmt.Sprintf("is given twice, as %s and as %s", old, value))
		}
		values[key] = value
	}
	if len(values) == 0 {
		return nil, nil
	}
	options := make([]Option, 0, len(values))
	for _, key := range sortedKeys(values) {
		options = append(options, Option{key, values[key]})
	}
	return options, nil
}

func checkOption(known map[string]optionType, key, value string) error {
	const field = "volumeoptions"
	if t, ok := known[key]; ok {
		if !t.accepts(value) {
			return Invalid(field, key+" "+value, "the value must be "+t.allowed)
		}
		return nil
	}
	if strings.HasPrefix(key, heketiOptions) || !userOption.MatchString(key) {
		return Invalid(field, key, "is not one of the options that may be set: "+
			strings.Join(sortedKeys(known), ", ")+", and user.* except "+heketiOptions+"*")
	}
	if !shellSafe.MatchString(value) {
		return Invalid(field, key+" "+value, "a value must consist of letters, digits and ._:/@%+=-")
	}
	return nil
}
