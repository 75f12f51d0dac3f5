package volume

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Parameters are the typed parameters of a StorageClass.
type Parameters struct {
	Backend    string   // name of a configured backend; "" if not given
	RestURL    string   // URL of a configured backend, as in in-tree classes; "" if not given
	Clusters   []string // Heketi cluster ids in order of preference; empty means any
	Durability Durability
	Naming     Naming
	GIDs       GIDRange
	Options    []Option // of the gluster volume and of Heketi, sorted by key
	SnapFactor float64  // size of the thin pool below a brick, in sizes of the brick
	// SecretRef is the Secret that an in-tree class names, "namespace/name". This driver does not read it; "" if not given.
	SecretRef string
}

// The keys that external-provisioner adds are not the user's. Those of the PVC become part of the volume's name.
const (
	reservedPrefix  = "csi.storage.k8s.io/"
	keyPVCNamespace = reservedPrefix + "pvc/namespace"
	keyPVCName      = reservedPrefix + "pvc/name"
)

// ParseParameters reads the parameters of a StorageClass. Keys may be in any letter case, as in the in-tree plugin. It
// fails with ErrInvalid for a key that it does not know, a key given twice, and a value that is not allowed.
func ParseParameters(raw map[string]string) (Parameters, error) {
	p := parser{Parameters: Parameters{
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
			return Parameters{}, Invalid("parameters", key, "is not a known parameter; known are "+strings.Join(sortedKeys(setters), ", "))
		}
		if err := set(value); err != nil {
			return Parameters{}, err
		}
	}
	p.Naming.PVCNamespace, p.Naming.PVCName = raw[keyPVCNamespace], raw[keyPVCName]
	return p.finish()
}

// parser holds what is known of a class while its parameters are read, in no particular order.
type parser struct {
	Parameters
	named                       []Option // Heketi's options by their own parameters
	user                        string
	secretNamespace, secretName string
	withoutLogin                bool // restauthenabled is given, and not true
}

// setters has a line for each parameter.
func (p *parser) setters() map[string]func(value string) error {
	return map[string]func(string) error{
		"backend":          p.setBackend,
		"resturl":          func(v string) (err error) { p.RestURL, err = NormalizeURL("resturl", v); return err },
		"clusterid":        orAbsent(func(v string) (err error) { p.Clusters, err = parseClusters(v); return err }),
		"volumetype":       orAbsent(func(v string) (err error) { p.Durability, err = ParseDurability(v); return err }),
		"gidmin":           func(v string) (err error) { p.GIDs.Min, err = parseGID("gidMin", v); return err },
		"gidmax":           func(v string) (err error) { p.GIDs.Max, err = parseGID("gidMax", v); return err },
		"volumeoptions":    func(v string) (err error) { p.Options, err = parseOptions(v); return err },
		"volumenameprefix": orAbsent(p.setNamePrefix),
		"snapfactor":       orAbsent(p.setSnapFactor),

		"arbiter":         p.heketiOption("arbiter", optionArbiter, oneOf("true", "false")),
		"averagefilesize": p.heketiOption("averageFileSize", optionFileSize, number(1, 1<<40)),
		"zonechecking":    p.heketiOption("zoneChecking", optionZoneChecking, oneOf("none", "strict")),
		"devicetagmatch":  p.heketiOption("deviceTagMatch", optionTagMatch, matching("^"+tagMatch+"$", "key=value or key!=value")),

		"restauthenabled":    func(v string) error { p.withoutLogin = !strings.EqualFold(v, "true"); return nil },
		"customepnameprefix": p.checkEndpointPrefix,
		"restuser":           func(v string) error { p.user = v; return nil },
		"restuserkey":        orAbsent(refuseKey),
		"secretnamespace":    func(v string) error { p.secretNamespace = v; return nil },
		"secretname":         func(v string) error { p.secretName = v; return nil },
	}
}

// orAbsent takes an empty value for none, as the in-tree plugin does for these parameters.
func orAbsent(set func(string) error) func(string) error {
	return func(value string) error {
		if value == "" {
			return nil
		}
		return set(value)
	}
}

// finish checks what concerns several parameters.
func (p *parser) finish() (Parameters, error) {
	if p.withoutLogin { // the in-tree plugin then forgets them; whether there is a key is the backend's configuration
		p.user, p.secretNamespace, p.secretName = "", "", ""
	}
	if err := checkUser(p.user); err != nil {
		return Parameters{}, err
	}
	switch {
	case p.Backend != "" && p.RestURL != "":
		return Parameters{}, Invalid("resturl", p.RestURL, "must not be given together with backend; either one is enough")
	case p.GIDs.Min > p.GIDs.Max:
		return Parameters{}, Invalid("gidMin", strconv.FormatInt(p.GIDs.Min, 10), fmt.Sprintf("must not be above gidMax (%d)", p.GIDs.Max))
	case (p.secretNamespace == "") != (p.secretName == ""):
		return Parameters{}, Invalid("secretName", p.secretName, "must be given together with secretNamespace, or neither of them")
	case p.secretName != "":
		p.SecretRef = p.secretNamespace + "/" + p.secretName
	}
	options, err := mergeOptions(p.Options, p.named)
	if err != nil {
		return Parameters{}, err
	}
	p.Options = options
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
	if !validNamePrefix.MatchString(value) {
		return Invalid("volumenameprefix", value, "must be 1 to 40 letters, digits and dashes, and not begin with a dash")
	}
	p.Naming.Prefix = value
	return nil
}

func (p *parser) setSnapFactor(value string) error {
	factor, err := strconv.ParseFloat(value, 32) // Heketi keeps 32 bits of it
	if err != nil || !(factor >= 1 && factor <= 100) {
		return Invalid("snapfactor", value, "must be a number from 1 to 100")
	}
	p.SnapFactor = factor
	return nil
}

// heketiOption returns the setter of a parameter that stands for one of Heketi's own options.
func (p *parser) heketiOption(field, key string, t optionType) func(string) error {
	return func(value string) error {
		if !t.accepts(value) {
			return Invalid(field, value, "must be "+t.allowed)
		}
		p.named = append(p.named, Option{key, strings.ToLower(value)})
		if key == optionTagMatch {
			p.named[len(p.named)-1].Value = value // tags have letter case
		}
		return nil
	}
}

func (p *parser) checkArbiter() error {
	on := p.arbiter()
	if on && p.Durability != DefaultDurability() {
		return Invalid("arbiter", "true", "needs volumetype replicate:3, not "+p.Durability.String())
	}
	if i := slices.IndexFunc(p.Options, func(o Option) bool { return o.Key == optionFileSize }); i >= 0 && !on {
		return Invalid("averageFileSize", p.Options[i].Value, "sizes the arbiter brick, so it needs arbiter: \"true\"")
	}
	return nil
}

// arbiter reports whether the third brick of each set is to hold names and attributes only, as Heketi reads the option
// (heketi: apps/glusterfs/volume_entry.go, HasArbiterOption).
func (p Parameters) arbiter() bool {
	return slices.ContainsFunc(p.Options, func(o Option) bool {
		on, err := strconv.ParseBool(o.Value)
		return o.Key == optionArbiter && err == nil && on
	})
}

func (p *parser) checkEndpointPrefix(value string) error {
	if len(value) > 26 { // as in-tree
		return Invalid("customEpNamePrefix", value, "must have at most 26 characters; it has no effect, since no Endpoints are needed any more")
	}
	return nil
}

func checkUser(value string) error {
	switch value {
	case "", "admin":
		return nil
	case "user":
		return Invalid("restuser", value, `must be "admin": Heketi lets "user" begin a create but not ask for its end`)
	}
	return Invalid("restuser", value, `must be "admin", the only user of Heketi that can create volumes`)
}

func refuseKey(string) error {
	return Invalid("restuserkey", "(not shown)", "must not be written into a StorageClass, where everybody can read it; remove it, and "+
		"write the key into the file that keyFile names in the backend's configuration, or into a Secret with the fields user and key that "+
		"csi.storage.k8s.io/provisioner-secret-name and csi.storage.k8s.io/provisioner-secret-namespace name")
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
