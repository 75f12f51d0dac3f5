package volume

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/nearest"
)

// Parameters holds the typed parameters of a StorageClass.
type Parameters struct {
	Backend    string   // name of a configured backend; "" if not given
	RestURL    string   // URL of a configured backend, as in in-tree classes; "" if not given
	Clusters   []string // Heketi cluster ids in order of preference; empty means any
	Durability Durability
	Naming     Naming
	GIDs       GIDRange
	Options    []Option // of the gluster volume and of Heketi, in the order in which they are set
	SnapFactor float64  // size of the thin pool below a brick, as a multiple of the brick's size
	// Ignored lists, in sorted order, the parameters with which an in-tree class logs in to Heketi. This driver takes its
	// credentials from the backend's configuration or from the request.
	Ignored []string
}

// The keys that external-provisioner adds; users do not write them. The values of the two keys for the PVC become part of the
// volume's name.
const (
	reservedPrefix  = "csi.storage.k8s.io/"
	keyPVCNamespace = reservedPrefix + "pvc/namespace"
	keyPVCName      = reservedPrefix + "pvc/name"
)

// ParseParameters parses the parameters of a StorageClass. Keys may be in any letter case, as in the in-tree plugin. It returns
// ErrInvalid for an unknown key, a duplicate key, and a value that is not allowed.
func ParseParameters(raw map[string]string) (Parameters, error) {
	p := parser{profile: defaultProfile, Parameters: Parameters{
		Durability: DefaultDurability(),
		GIDs:       DefaultGIDRange(),
		SnapFactor: 1,
	}}
	setters := p.setters()
	seen := make(map[string]bool, len(raw))
	for key, value := range raw {
		if strings.HasPrefix(key, reservedPrefix) {
			continue
		}
		name := strings.ToLower(key)
		if seen[name] {
			return Parameters{}, Invalid("parameters", key, "is given twice, in different letter case")
		}
		seen[name] = true
		set, ok := setters[name]
		if !ok {
			return Parameters{}, Invalid("parameters", key, "is not a known parameter; "+listed(key, sortedKeys(setters)))
		}
		if err := set(value); err != nil {
			return Parameters{}, err
		}
	}
	p.Naming.PVCNamespace, p.Naming.PVCName = raw[keyPVCNamespace], raw[keyPVCName]
	return p.validate()
}

// listed returns the known words nearest to an unknown one, and the document that lists all of them.
func listed(word string, known []string) string {
	return strings.TrimLeft(nearest.Hint(word, known)+" docs/parameters.md lists all of them", " ")
}

// parser holds the state while the parameters of a class are read, in no particular order.
type parser struct {
	Parameters
	profile string
	named   []Option // Heketi's options that have separate parameters
	login   login
}

// setters returns a function for each parameter.
func (p *parser) setters() map[string]func(value string) error {
	return map[string]func(string) error{
		"backend":          p.setBackend,
		"profile":          orAbsent(p.setProfile),
		"resturl":          func(v string) (err error) { p.RestURL, err = NormalizeURL("resturl", p.login.setURL(v)); return err },
		"clusterid":        orAbsent(func(v string) (err error) { p.Clusters, err = parseClusters(v); return err }),
		"volumetype":       orAbsent(func(v string) (err error) { p.Durability, err = ParseDurability(v); return err }),
		"gidmin":           func(v string) (err error) { p.GIDs.Min, err = parseGID("gidMin", v); return err },
		"gidmax":           func(v string) (err error) { p.GIDs.Max, err = parseGID("gidMax", v); return err },
		fieldOptions:       func(v string) (err error) { p.Options, err = parseOptions(v); return err },
		"volumenameprefix": orAbsent(p.setNamePrefix),
		"snapfactor":       orAbsent(p.setSnapFactor),

		"arbiter":         p.heketiOption("arbiter", optionArbiter, oneOf("true", "false")),
		"averagefilesize": p.heketiOption("averageFileSize", optionFileSize, number(1, 1<<40)),
		"zonechecking":    p.heketiOption("zoneChecking", optionZoneChecking, oneOf("none", "strict")),
		"devicetagmatch":  p.heketiOption("deviceTagMatch", optionTagMatch, matching(tagRule, "key=value or key!=value")),

		"customepnameprefix": p.checkEndpointPrefix,
		"restauthenabled":    p.login.setter(restAuthEnabled),
		"restuser":           p.login.setter(restUser),
		"restuserkey":        p.login.setter(restUserKey),
		"secretnamespace":    p.login.setter(secretNamespace),
		"secretname":         p.login.setter(secretName),
	}
}

// orAbsent treats an empty value as absent, like the in-tree plugin for these parameters.
func orAbsent(set func(string) error) func(string) error {
	return func(value string) error {
		if value == "" {
			return nil
		}
		return set(value)
	}
}

// validate checks rules that concern several parameters.
func (p *parser) validate() (Parameters, error) {
	switch {
	case p.Backend != "" && p.RestURL != "":
		return Parameters{}, Invalid("resturl", p.RestURL, "must not be given together with backend; either one is enough")
	case p.GIDs.Min > p.GIDs.Max:
		return Parameters{}, Invalid("gidMin", strconv.FormatInt(p.GIDs.Min, 10), fmt.Sprintf("must not be above gidMax (%d)", p.GIDs.Max))
	}
	ignored, err := p.login.ignored()
	if err != nil {
		return Parameters{}, err
	}
	p.Ignored = ignored
	options, err := mergeOptions(p.Options, p.named)
	if err != nil {
		return Parameters{}, err
	}
	p.Options = options
	if err := checkCopies(p.Options, p.Durability); err != nil {
		return Parameters{}, err
	}
	if err := p.applyProfile(); err != nil {
		return Parameters{}, err
	}
	return p.Parameters, p.checkArbiter()
}

func (p *parser) setBackend(value string) error {
	if !ValidBackendName(value) {
		return Invalid("backend", value, "must be the name of a backend in the driver's configuration")
	}
	p.Backend = value
	return nil
}

func (p *parser) setNamePrefix(value string) error {
	if !ValidNamePrefix(value) {
		return Invalid("volumenameprefix", value, AllowedNamePrefix)
	}
	p.Naming.Prefix = value
	return nil
}

func (p *parser) setSnapFactor(value string) error {
	factor, err := strconv.ParseFloat(value, 32) // Heketi stores 32 bits of it
	if err != nil || !(factor >= 1 && factor <= 100) {
		return Invalid("snapfactor", value, "must be a number from 1 to 100")
	}
	p.SnapFactor = factor
	return nil
}

// heketiOption returns the setter of a parameter that stands for one of Heketi's own options.
func (p *parser) heketiOption(field, key string, t optionType) func(string) error {
	return func(value string) error {
		read := strings.ToLower(value)
		if key == optionTagMatch {
			read = value // letter case matters in tags
		}
		if !t.accepts(read) {
			return Invalid(field, value, "must be "+t.allowed)
		}
		p.named = append(p.named, Option{key, read})
		return nil
	}
}

func (p *parser) checkArbiter() error {
	on := HasArbiter(p.Options)
	if on && p.Durability != DefaultDurability() {
		return Invalid("arbiter", "true", "needs volumetype replicate:3, not "+p.Durability.String())
	}
	if i := slices.IndexFunc(p.Options, func(o Option) bool { return o.Key == optionFileSize }); i >= 0 && !on {
		return Invalid("averageFileSize", p.Options[i].Value, "sizes the arbiter brick, so it needs arbiter: \"true\"")
	}
	return nil
}

func (p *parser) checkEndpointPrefix(value string) error {
	if len(value) > 26 { // as in the in-tree plugin
		return Invalid("customEpNamePrefix", value, "must have at most 26 characters; it has no effect, since no Endpoints are needed any more")
	}
	return nil
}

func parseClusters(value string) ([]string, error) {
	var clusters []string
	for item := range strings.SplitSeq(value, ",") {
		id := strings.TrimSpace(item)
		if !heketiID.MatchString(id) {
			return nil, Invalid("clusterid", value, "must be a comma-separated list of Heketi cluster ids (32 hexadecimal digits each)")
		}
		if !slices.Contains(clusters, id) {
			clusters = append(clusters, id)
		}
	}
	return clusters, nil
}
