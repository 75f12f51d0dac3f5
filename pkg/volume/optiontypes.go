package volume

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// optionType describes the values of an option. No type accepts a value that begins with a dash.
type optionType struct {
	allowed string // completes "must be ..."
	accepts func(value string) bool
	copies  bool // gluster sets the option only on volumes with copies
}

// toggle is gluster's boolean, in any letter case.
func toggle() optionType {
	t := oneOf("on", "off", "enable", "disable", "yes", "no", "true", "false", "1", "0")
	return optionType{allowed: t.allowed, accepts: func(value string) bool { return t.accepts(strings.ToLower(value)) }}
}

// oneOf accepts one of the words. Letter case matters to gluster.
func oneOf(values ...string) optionType {
	return optionType{
		allowed: "one of " + strings.Join(values, ", "),
		accepts: func(value string) bool { return slices.Contains(values, value) },
	}
}

var (
	// digits matches a number without a leading zero: gluster either takes a leading zero for octal or refuses it.
	digits     = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)
	sizeDigits = regexp.MustCompile(`^([0-9]{1,15})(\.[0-9]{1,6})?$`)
	hostLabel  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	commonName = regexp.MustCompile(`^[A-Za-z0-9.:_@][A-Za-z0-9.:_@-]{0,199}$`)
	tagRule    = regexp.MustCompile(`^` + tagMatch + `$`)
)

// most is the largest number if gluster itself sets no limit.
const most = 1<<31 - 1

func number(low, high int64) optionType {
	allowed := fmt.Sprintf("a number from %d to %d", low, high)
	return optionType{allowed: allowed, accepts: func(value string) bool { return numberIn(value, low, high) }}
}

func numberIn(value string, low, high int64) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && digits.MatchString(value) && n >= low && n <= high
}

// seconds accepts a number of seconds, or a number with one of gluster's units of time.
func seconds(low, high int64) optionType {
	units := []struct {
		names  string
		length int64
	}{{"s sec", 1}, {"m min", 60}, {"h hr", 3600}, {"d days", 86400}, {"w wk", 604800}}
	return optionType{
		allowed: fmt.Sprintf("a number of seconds from %d to %d, or one with a unit such as 10min", low, high),
		accepts: func(value string) bool {
			count := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz")
			unit := value[len(count):]
			for _, u := range units {
				if slices.Contains(strings.Fields(u.names), unit) {
					return numberIn(count, (low+u.length-1)/u.length, high/u.length)
				}
			}
			return unit == "" && numberIn(count, low, high)
		},
	}
}

// size accepts a number of bytes. gluster requires the B of a unit: 64M is an error. limits are the lower limit and, optionally,
// the upper one; messages show them as they are given.
func size(limits ...string) optionType {
	low, high := 0.0, 1e18
	allowed := "a size such as 65536, 128KB, 64MB or 1GB"
	switch len(limits) {
	case 1:
		low, allowed = bytesOf(limits[0]), "a size of at least "+limits[0]
	case 2:
		low, high, allowed = bytesOf(limits[0]), bytesOf(limits[1]), fmt.Sprintf("a size from %s to %s", limits[0], limits[1])
	}
	return optionType{allowed: allowed, accepts: func(value string) bool {
		bytes := bytesOf(value)
		return bytes >= low && bytes <= high
	}}
}

// bytesOf parses a size; it returns -1 for anything else.
func bytesOf(value string) float64 {
	count, factor := strings.ToUpper(value), 1.0
	if rest, ok := strings.CutSuffix(count, "B"); ok {
		count = rest
		for i, unit := range []string{"K", "M", "G", "T", "P"} {
			if rest, ok := strings.CutSuffix(count, unit); ok {
				count, factor = rest, float64(int64(1)<<(10*(i+1)))
				break
			}
		}
	}
	parts := sizeDigits.FindStringSubmatch(count)
	if parts == nil || parts[2] != "" && factor == 1 {
		return -1
	}
	n, err := strconv.ParseFloat(count, 64)
	if err != nil {
		return -1
	}
	return n * factor
}

// percentOrSize accepts a share of a brick, or a size.
func percentOrSize() optionType {
	bytes := size()
	return optionType{allowed: "a percentage from 0% to 100%, or a size such as 1GB", accepts: func(value string) bool {
		if share, ok := strings.CutSuffix(value, "%"); ok {
			return numberIn(share, 0, 100)
		}
		return bytes.accepts(value)
	}}
}

// clients accepts one client or network of clients. gluster also accepts lists and patterns, but volumeoptions are split at
// commas, and a shell would expand an asterisk.
func clients() optionType {
	return optionType{allowed: "one address, host name or IPv4 network such as 10.0.0.0/16; several cannot be given here", accepts: isClient}
}

func isClient(value string) bool {
	if network, err := netip.ParsePrefix(value); err == nil {
		return network.Addr().Is4()
	}
	if address, err := netip.ParseAddr(value); err == nil {
		return address.Zone() == ""
	}
	for label := range strings.SplitSeq(value, ".") {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	return len(value) <= 253
}

func matching(pattern *regexp.Regexp, allowed string) optionType {
	return optionType{allowed: allowed, accepts: pattern.MatchString}
}
