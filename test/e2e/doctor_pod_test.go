package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// The networks of the lab: the gluster servers, the nodes with the hub, and the pods.
const (
	serverNetwork  = "10.77.0.8/29"
	clientNetworks = "10.77.0.0/29, 10.77.0.16/29"
	podNetwork     = "10.244.0.0/16"
)

// TestDoctorFromAPod runs the commands of docs/doctor.md in a tenant's pod, in a namespace that admits restricted pods only. The
// command must find what pods can reach, and what the firewalls and the NetworkPolicy of deploy/examples still let through.
// Volumes keep working behind them.
func TestDoctorFromAPod(t *testing.T) {
	theDriver(t)
	s := newSpace(t, "behind")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi"))
	s.bound("data") // each server has a brick
	tenant := newSpace(t, "tenant")
	kubectl(t, "label", "namespace", "tenant", "pod-security.kubernetes.io/enforce=restricted")
	_, documented := fromPod(t)
	servers, nodes := machines(cluster.Lab().Storage, lab.StorageNodes), machines(cluster.Lab().Node, lab.ClientNodes)
	policy := example(t, "networkpolicy.yaml", "10.0.0.0/29", serverNetwork)
	onServers := example(t, "firewall-servers.nft", "10.0.0.0/29, 10.0.1.0/24", serverNetwork+", "+clientNetworks)
	onNodes := example(t, "firewall-nodes.nft", "10.0.0.0/29", serverNetwork)

	t.Run("nothing is closed", func(t *testing.T) {
		tenant.on(t).finds("0 critical, 2 warning, 0 info, 0 ok\n")
	})
	t.Run("firewall-servers.nft on the second", func(t *testing.T) {
		filter(t, onServers, servers[1])
		tenant.on(t).finds(documented)
	})
	t.Run("networkpolicy.yaml", func(t *testing.T) {
		tenant.on(t).apply(policy)
		filter(t, enforced(t, policy), nodes...)
		tenant.on(t).finds("0 critical, 0 warning, 0 info, 2 ok\n")
	})
	t.Run("firewall-nodes.nft", func(t *testing.T) {
		filter(t, onNodes, nodes...)
		tenant.on(t).finds("0 critical, 0 warning, 0 info, 2 ok\n")
	})
	t.Run("volumes behind all of them", func(t *testing.T) {
		filter(t, onNodes, nodes...)
		filter(t, onServers, servers...)
		filter(t, enforced(t, policy), nodes...)
		s := s.on(t)
		s.apply(claim("late", "", "ReadWriteMany", "1Gi") + pod("early", "node1", "data", 0) + pod("late", "node2", "late", 0))
		s.running("early", "late")
		for _, name := range []string{"early", "late"} {
			s.in(name, "echo here >/data/file && grep -q here /data/file")
			s.in(name, "nc -w5 "+servers[0].IP+" 22 </dev/null") // another port of a server
			s.inFails(name, "nc -w5 "+servers[0].IP+" 24007 </dev/null")
		}
	})
}

// on returns the namespace for a subtest.
func (s *space) on(t *testing.T) *space {
	t.Helper()
	return &space{T: t, namespace: s.namespace}
}

func machines(get func(int) *lab.Machine, count int) (all []*lab.Machine) {
	for i := range count {
		all = append(all, get(i+1))
	}
	return all
}

// fromPod returns the commands of docs/doctor.md, and doctor's output there.
func fromPod(t *testing.T) (commands, output string) {
	t.Helper()
	section := regexp.MustCompile("(?s)\n### From a pod\n.*?```sh\n(.*?)```\n\n```console\n(.*?)```")
	found := section.FindStringSubmatch(documents.Page(t, "doctor.md"))
	if found == nil {
		t.Fatal("docs/doctor.md does not show doctor --from-pod")
	}
	return found[1], found[2]
}

// finds runs the documented commands on the first two servers, and compares the end of doctor's output with the document.
func (s *space) finds(want string) {
	s.Helper()
	servers := machines(cluster.Lab().Storage, 2)
	commands, _ := fromPod(s.T)
	// The pod's phase shows doctor's exit code, until the last command deletes the pod.
	deletes := "kubectl -n TENANT delete pod doctor\n"
	phase := filepath.Join(s.TempDir(), "phase")
	kept := strings.Replace(commands, deletes, "kubectl -n TENANT get pod doctor -o jsonpath='{.status.phase}' >"+phase+"\n"+deletes, 1)
	if kept == commands {
		s.Fatalf("docs/doctor.md does not delete doctor's pod: %s", commands)
	}
	kept = strings.NewReplacer("10.0.0.1", servers[0].IP, "10.0.0.2", servers[1].IP, "TENANT", s.namespace).Replace(kept)
	ctx, cancel := context.WithTimeout(s.Context(), 5*time.Minute)
	defer cancel()
	cmd := cluster.Command(ctx, "bash", "-euc", kept)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		s.Fatalf("%v\n%s%s", err, out.String(), stderr.String())
	}
	ended, err := os.ReadFile(phase)
	ok(s.T, err)
	got, _, _ := strings.Cut(out.String(), "pod \"doctor\" deleted")
	got = strings.NewReplacer(servers[0].IP, "10.0.0.1", servers[1].IP, "10.0.0.2").Replace(got)
	got = regexp.MustCompile(`to port (49[1-9]|5\d\d|60\d)\d\d, on`).ReplaceAllString(got, "to port 49152, on")
	if !strings.HasSuffix(got, want) || strings.Contains(got, "WARNING") != (string(ended) == "Failed") {
		s.Errorf("the pod's phase is %q\n%s%s\nwant\n%s", ended, got, stderr.String(), want)
	}
}

// filter loads nft rules on machines, until the test ends.
func filter(t *testing.T, rules string, on ...*lab.Machine) {
	t.Helper()
	table := regexp.MustCompile(`(?m)^table (inet \w+) \{`).FindStringSubmatch(rules)[1]
	for _, m := range on {
		t.Cleanup(func() {
			if out, err := m.Command(context.Background(), "nft", "delete", "table", table).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", m.Name, err, out)
			}
		})
		cmd := m.Command(t.Context(), "nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", m.Name, err, out)
		}
	}
}

// enforced translates a NetworkPolicy for all pods with lists of networks into nft rules, as a network plugin would. The
// lab's network plugin does not enforce policies.
func enforced(t *testing.T, manifest string) string {
	t.Helper()
	var policy networking.NetworkPolicy
	ok(t, yaml.UnmarshalStrict([]byte(manifest), &policy))
	var rules strings.Builder
	for _, egress := range policy.Spec.Egress {
		for _, to := range egress.To {
			family := "ip"
			if strings.Contains(to.IPBlock.CIDR, ":") {
				family = "ip6"
			}
			match := fmt.Sprintf("%s daddr %s", family, to.IPBlock.CIDR)
			if except := to.IPBlock.Except; len(except) > 0 {
				match += fmt.Sprintf(" %s daddr != { %s }", family, strings.Join(except, ", "))
			}
			if len(egress.Ports) == 0 {
				rules.WriteString("\t\t" + match + " accept\n")
			}
			for _, port := range egress.Ports {
				protocol := strings.ToLower(string(*port.Protocol))
				ports := "1-65535"
				if port.Port != nil {
					ports = fmt.Sprintf("%d-%d", port.Port.IntVal, *port.EndPort)
				}
				fmt.Fprintf(&rules, "\t\t%s %s dport %s accept\n", match, protocol, ports)
			}
		}
	}
	return `table inet tenants {
	chain pods {
` + rules.String() + `		meta l4proto tcp reject with tcp reset
		reject
	}
	chain forward {
		type filter hook forward priority filter - 10; policy accept;
		ct state established,related accept
		ip saddr ` + podNetwork + ` jump pods
	}
}
`
}
