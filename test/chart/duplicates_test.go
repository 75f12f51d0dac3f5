package chart

import (
	"slices"
	"testing"
)

// TestSecretsOfOneNamespace: several entries of one namespace make one Role, with all names.
func TestSecretsOfOneNamespace(t *testing.T) {
	said, err := template(t, backend+"classSecrets: [{namespace: team-a, names: [one]}, {namespace: team-b, names: [three]}, {namespace: team-a, names: [two, one]}]")
	if err != nil {
		t.Fatal(said)
	}
	found := map[string][]string{}
	for _, object := range objects(t, said) {
		key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
		if _, twice := found[key]; twice {
			t.Errorf("%s is there twice", key)
		}
		found[key] = nil
		rules, _ := object.Object["rules"].([]any)
		for _, rule := range rules {
			names, _ := rule.(map[string]any)["resourceNames"].([]any)
			for _, name := range names {
				found[key] = append(found[key], name.(string))
			}
		}
	}
	if got := found["Role team-a/glusterfs-csi-controller-secrets"]; !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the controller may read %q of team-a", got)
	}
}

// TestDNSPorts: the DNS servers of OpenShift listen on another port.
func TestDNSPorts(t *testing.T) {
	said, err := template(t, backend+"networkPolicy: {enabled: true, dns: {ports: [53, 5353]}}")
	if err != nil {
		t.Fatal(said)
	}
	for _, object := range objects(t, said) {
		if object.GetKind() != "NetworkPolicy" {
			continue
		}
		egress := object.Object["spec"].(map[string]any)["egress"].([]any)
		if ports := egress[0].(map[string]any)["ports"].([]any); len(ports) != 4 {
			t.Errorf("%v", ports)
		}
	}
}
