package mount

import (
	"slices"
	"strings"
)

// WithDefaults returns o plus the defaults for options that o does not set.
func (o Options) WithDefaults(defaults Options) Options {
	set := func(name string) bool {
		return slices.ContainsFunc(o.items, func(item string) bool { return optionName(item) == name })
	}
	missing := slices.DeleteFunc(slices.Clone(defaults.items), func(item string) bool { return set(optionName(item)) })
	o.items = slices.Concat(o.items, missing)
	slices.SortFunc(o.items, func(a, b string) int { return strings.Compare(optionName(a), optionName(b)) })
	return o
}

func optionName(item string) string {
	name, _, _ := strings.Cut(item, "=")
	return name
}
