package migrate

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// labelProvisionedFor marks the Endpoints and Services that the in-tree plugin made.
const labelProvisionedFor = "gluster.kubernetes.io/provisioned-for-pvc"

// endpoints lists the Endpoints that the in-tree plugin made, with the Services of the same names and the PersistentVolumes that
// refer to them. Endpoints that were made by hand are left out.
func (p *planner) endpoints() ([]EndpointsPlan, error) {
	named, err := namedEndpoints(p.Objects.Volumes)
	if err != nil {
		return nil, err
	}
	plans := map[string]*EndpointsPlan{}
	add := func(m metadata, object unstructured.Unstructured) {
		if _, made := m.Labels[labelProvisionedFor]; !made || !strings.HasPrefix(m.Name, "glusterfs-dynamic-") && len(named[m.key()]) == 0 {
			return
		}
		if plans[m.key()] == nil {
			plans[m.key()] = &EndpointsPlan{Name: m.key(), Volumes: slices.Sorted(slices.Values(named[m.key()]))}
		}
		plans[m.key()].Backup = append(plans[m.key()].Backup, backupOf(object))
	}
	for _, object := range p.Objects.Endpoints {
		e, err := read[endpoints](object)
		if err != nil {
			return nil, err
		}
		add(e.Metadata, object)
	}
	for _, object := range p.Objects.Services {
		s, err := read[service](object)
		if err != nil {
			return nil, err
		}
		if len(s.Spec.Selector) == 0 {
			add(s.Metadata, object)
		}
	}
	var all []EndpointsPlan
	for _, key := range sortedKeys(plans) {
		slices.SortFunc(plans[key].Backup, func(a, b map[string]any) int {
			return cmp.Compare((&unstructured.Unstructured{Object: a}).GetKind(), (&unstructured.Unstructured{Object: b}).GetKind())
		})
		all = append(all, *plans[key])
	}
	return all, nil
}

// namedEndpoints maps Endpoints (namespace/name) to the in-tree PersistentVolumes that refer to them.
func namedEndpoints(volumes []unstructured.Unstructured) (map[string][]string, error) {
	named := map[string][]string{}
	for _, object := range volumes {
		pv, err := read[persistentVolume](object)
		if err != nil {
			return nil, err
		}
		if pv.Spec.GlusterFS != nil {
			key := endpointsNamespace(pv) + "/" + pv.Spec.GlusterFS.Endpoints
			named[key] = append(named[key], pv.Metadata.Name)
		}
	}
	return named, nil
}
