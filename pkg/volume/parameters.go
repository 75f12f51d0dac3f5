package volume

import (
	"slices"
	"strings"
)

// Parameters are the typed parameters of a StorageClass.
type Parameters struct {
	Backend    string   // name of a configured backend; "" if not given
	RestURL    string   // URL of a configured backend, as in in-tree classes; "" if not given
	Clusters   []string // Heketi cluster ids in order of preference; empty means any
	Durability Durability
}

// reservedPrefix marks the keys that external-provisioner adds; they are not the user's.
const reservedPrefix = "csi.storage.k8s.io/"

// ParseParameters reads the parameters of a StorageClass. Keys may be in any letter
// case, as in the in-tree plugin. It fails with ErrInvalid for a key that it does not
// know, a key given twice, and a value that is not allowed.
func ParseParameters(raw map[string]string) (Parameters, error) {
	p := Parameters{Durability: DefaultDurability()}
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
		if err := p.set(name, key, value); err != nil {
			return Parameters{}, err
		}
	}
	if p.Backend != "" && p.RestURL != "" {
		return Parameters{}, Invalid("resturl", p.RestURL, "must not be given together with backend; either one is enough")
	}
	return p, nil
}

func (p *Parameters) set(name, key, value string) (err error) {
	switch name {
	case "backend":
		if !ValidBackendName(value) {
			return Invalid("backend", value, "must be the name of a backend in the driver's configuration")
		}
		p.Backend = value
	case "resturl":
		p.RestURL, err = NormalizeURL("resturl", value)
	case "clusterid":
		p.Clusters, err = parseClusters(value)
	case "volumetype":
		p.Durability, err = ParseDurability(value)
	default:
		return Invalid("parameters", key, "is not a known parameter; known are backend, clusterid, resturl and volumetype")
	}
	return err
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
