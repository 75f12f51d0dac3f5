package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
)

// Storage describes the cluster in which charts/glusterfs-storage runs GlusterFS and Heketi.
type Storage struct {
	Kubernetes StorageCluster
	Namespace  string // "": find the installations in all namespaces
	// Runner returns a runner of commands in the pods of a namespace.
	Runner func(namespace string) servers.Runner
	// Now is set by tests; default time.Now.
	Now func() time.Time
}

// StorageCluster reads objects of Kubernetes; *kube.Client implements it.
type StorageCluster interface {
	DaemonSets(ctx context.Context, namespace, selector string) ([]kube.DaemonSet, error)
	Nodes(ctx context.Context) ([]kube.Node, error)
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
	database.Reader
}

// Labels that the chart sets on its objects.
const (
	chartLabel     = "app.kubernetes.io/name=glusterfs-storage"
	glusterLabels  = chartLabel + ",app.kubernetes.io/component=gluster"
	heketiLabels   = chartLabel + ",app.kubernetes.io/component=heketi"
	checkInstalled = "storage-installed"
)

// installation is one release of the chart.
type installation struct {
	Storage
	namespace string
	servers   kube.DaemonSet
	runner    servers.Runner
}

// section collects the findings about one part of an installation. Sections run concurrently.
type section struct {
	*installation
	found  []report.Finding
	silent bool // a server has not answered
}

func (s *Storage) checks(ctx context.Context) []report.Finding {
	if s.Now == nil {
		s.Now = time.Now
	}
	found, err := s.Kubernetes.DaemonSets(ctx, s.Namespace, glusterLabels)
	where := "in any namespace"
	if s.Namespace != "" {
		where = "in namespace " + s.Namespace
	}
	const subject = "storage in the cluster"
	switch {
	case err != nil:
		return []report.Finding{{Severity: report.Warning, Check: checkInstalled, Subject: subject, Message: fmt.Sprintf("its DaemonSets cannot be listed: %v", err),
			Remedy: "docs/doctor.md lists what the account must be allowed to do; --storage-namespace=NAMESPACE looks in one namespace only"}}
	case len(found) == 0:
		return []report.Finding{{Severity: report.Warning, Check: checkInstalled, Subject: subject,
			Message: "the chart glusterfs-storage is not installed " + where + ": there is no DaemonSet with the labels " + glusterLabels,
			Remedy: "leave --storage out if GlusterFS runs outside the cluster: --config checks its Heketi. If the chart is installed, name its namespace " +
				"with --storage-namespace, and check whether its DaemonSet was deleted (helm upgrade creates it again)"}}
	}
	checks := make([]func(context.Context) []report.Finding, len(found))
	for i, daemonSet := range found {
		one := &installation{Storage: *s, namespace: daemonSet.Namespace, servers: daemonSet, runner: s.Runner(daemonSet.Namespace)}
		checks[i] = one.checks
	}
	return parallel(ctx, checks)
}

func (s *installation) checks(ctx context.Context) []report.Finding {
	parts := []func(*section, context.Context){(*section).gluster, (*section).heketi, (*section).backups}
	checks := make([]func(context.Context) []report.Finding, len(parts))
	for i, part := range parts {
		checks[i] = func(ctx context.Context) []report.Finding {
			one := &section{installation: s}
			part(one, ctx)
			return one.found
		}
	}
	return parallel(ctx, checks)
}

// add adds a finding about the whole installation or, with a node, about the server on that node.
func (s *section) add(severity report.Severity, check, node, message, remedy string, commands ...string) {
	subject := "storage in namespace " + s.namespace
	if node != "" {
		subject += ", node " + node
	}
	s.found = append(s.found, report.Finding{Severity: severity, Check: check, Subject: subject, Message: message, Remedy: remedy, Commands: commands})
}

// ok adds the finding that a check has passed, unless the check has added findings. The parameter before is the number of findings
// at the start of the check.
func (s *section) ok(check string, before int, message string) {
	if len(s.found) == before {
		s.add(report.OK, check, "", message, "")
	}
}

// kubectl returns a kubectl command for the administrator.
func (s *section) kubectl(command string) string { return "kubectl -n " + s.namespace + " " + command }

// inServer returns a gluster command for the administrator, to be run in a server's pod.
func (s *section) inServer(one *server, command string) string {
	return s.kubectl("exec " + one.pod + " -c " + servers.Container + " -- gluster " + command)
}

// heketi checks Heketi's pod. doctor without --storage checks Heketi itself.
func (s *section) heketi(ctx context.Context) {
	const check = "storage-heketi"
	pods, err := s.Kubernetes.Pods(ctx, s.namespace, heketiLabels)
	if err != nil {
		s.add(report.Warning, check, "", fmt.Sprintf("Heketi's pods cannot be listed: %v", err), permissions)
		return
	}
	pods = slices.DeleteFunc(pods, func(p kube.Pod) bool { return p.Ended })
	const meaning = "no volume can be made, changed or deleted; those that exist can be mounted. "
	for i := range pods {
		if pod := &pods[i]; !pod.Ready {
			s.add(report.Critical, check, "", "Heketi's pod "+pod.Name+" is not ready: "+pod.Why, meaning+"Its events and its log say why",
				s.kubectl("describe pod "+pod.Name), s.kubectl("logs "+pod.Name+" -c heketi"))
		}
	}
	if len(pods) == 0 {
		s.add(report.Critical, check, "", "Heketi has no pod", meaning+"A teardown scales Heketi down; otherwise helm upgrade starts it again",
			s.kubectl("describe statefulset heketi"), s.kubectl("get jobs"))
	}
	s.ok(check, 0, "Heketi's pod is ready")
}

const permissions = "docs/doctor.md lists what the account must be allowed to do"

// selects reports whether labels include all labels of the selector.
func selects(selector, labels map[string]string) bool {
	for key, want := range selector {
		if has, ok := labels[key]; !ok || has != want {
			return false
		}
	}
	return true
}

// storageLabel returns the labels that make a node a storage node, in kubectl's form.
func storageLabel(selector map[string]string) string {
	var labels []string
	for key, value := range selector {
		if key != "kubernetes.io/os" {
			labels = append(labels, key+"="+value)
		}
	}
	slices.Sort(labels)
	return strings.Join(labels, ",")
}
