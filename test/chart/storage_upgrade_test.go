package chart

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What remains in a cluster of an earlier installation.
const (
	keptKeys = `{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "heketi-keys", "namespace": "glusterfs-storage", ` + ownedByHelm + `},
		"data": {"admin": "YWRtaW4ta2V5", "user": "dXNlci1rZXk="}}`
	keptVolume = `{"kind": "PersistentVolume", "apiVersion": "v1", "metadata": {"name": "glusterfs-storage-heketidbstorage", ` + ownedByHelm + `},
		"spec": {"csi": {"volumeHandle": "heketidbstorage", "volumeAttributes": {"servers": "10.1.1.1,10.1.1.2", "volume": "heketidbstorage"}}}}`
	ownedByHelm = `"labels": {"app.kubernetes.io/managed-by": "Helm"},
		"annotations": {"meta.helm.sh/release-name": "glusterfs-storage", "meta.helm.sh/release-namespace": "glusterfs-storage"}`
)

// Heketi's keys, and the volume handle and servers of its database's PersistentVolume, which Kubernetes does not allow to change,
// survive upgrades and an uninstallation.
func TestUpgradeKeepsKeysAndVolume(t *testing.T) {
	tests := []struct {
		name  string
		kept  bool
		flags []string
	}{
		{"an installation", false, nil},
		{"an upgrade", true, []string{"--is-upgrade"}},
		{"an installation after an uninstallation", true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, second := renderWith(t, tt.kept, tt.flags...), renderWith(t, tt.kept, tt.flags...)
			admin, user := keysOf(t, first)
			againAdmin, againUser := keysOf(t, second)
			if tt.kept && (admin != "YWRtaW4ta2V5" || user != "dXNlci1rZXk=") {
				t.Errorf("keys %s, %s", admin, user)
			}
			if !tt.kept && (admin == againAdmin || user == againUser || admin == user || len(admin) < 50) {
				t.Errorf("keys are not random: %s and %s, %s and %s", admin, againAdmin, user, againUser)
			}
			handle, servers := "glusterfs-storage-heketidbstorage", "10.0.0.1,10.0.0.2,10.0.0.3"
			if tt.kept {
				handle, servers = "heketidbstorage", "10.1.1.1,10.1.1.2"
			}
			pv := only(t, first, "PersistentVolume", "glusterfs-storage-heketidbstorage")
			same(t, pv, handle, "spec", "csi", "volumeHandle")
			same(t, pv, servers, "spec", "csi", "volumeAttributes", "servers")
		})
	}
}

// TestReleasesHaveTheirOwnHandles: a node has one mount for all PersistentVolumes of one handle. With the handle of another release,
// Heketi would get that release's database.
func TestReleasesHaveTheirOwnHandles(t *testing.T) {
	found := map[string]string{"/api/v1/persistentvolumes/glusterfs-storage-heketidbstorage": keptVolume}
	used := map[string]string{}
	for _, namespace := range []string{"glusterfs-storage", "second", "third"} {
		said, err := renderAmong(t, found, "--namespace="+namespace)
		if err != nil {
			t.Fatal(said)
		}
		pv := only(t, objects(t, said), "PersistentVolume", namespace+"-heketidbstorage")
		handle := dig(t, pv.Object, "spec", "csi", "volumeHandle").(string)
		if other, twice := used[handle]; twice {
			t.Errorf("the releases in %s and %s have the handle %s", other, namespace, handle)
		}
		used[handle] = namespace
	}
}

func keysOf(t *testing.T, list []*unstructured.Unstructured) (admin, user string) {
	t.Helper()
	data := dig(t, only(t, list, "Secret", "heketi-keys").Object, "data").(map[string]any)
	return data["admin"].(string), data["user"].(string)
}

// renderWith renders the chart as helm does with a reachable API server. The server has the objects kept from an earlier
// installation, or none.
func renderWith(t *testing.T, kept bool, flags ...string) []*unstructured.Unstructured {
	t.Helper()
	found := map[string]string{}
	if kept {
		found["/api/v1/namespaces/glusterfs-storage/secrets/heketi-keys"] = keptKeys
		found["/api/v1/persistentvolumes/glusterfs-storage-heketidbstorage"] = keptVolume
	}
	said, err := renderAmong(t, found, flags...)
	if err != nil {
		t.Fatal(said)
	}
	return objects(t, said)
}

// TestUpgradeKeepsTheServers: an upgrade does not end several servers at once, and does not start them with other directories.
func TestUpgradeKeepsTheServers(t *testing.T) {
	const (
		whole     = `"nodeSelector": {"kubernetes.io/os": "linux", "storagenode": "glusterfs"}, "tolerations": [{"operator": "Exists"}]`
		inZone    = `{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}}`
		preferred = `{"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}}]}}`
		// Containers, in a pod's status.
		ended    = `{"restartCount": 0, "lastState": {}, "state": {"terminated": {"exitCode": 1}}}`
		again    = `{"restartCount": 1, "lastState": {"terminated": {"exitCode": 1}}, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}`
		noImage  = `{"restartCount": 0, "lastState": {}, "state": {"waiting": {"reason": "ImagePullBackOff"}}}`
		tolerant = `"nodeSelector": {"kubernetes.io/os": "linux", "storagenode": "glusterfs"}, "tolerations": [{"key": "storage", "operator": "Exists"}]`
	)
	for name, tt := range map[string]struct {
		spec    string   // fields of the servers' pods
		path    string   // "": that of the values
		away    []string // the containers of servers that are not ready
		version string   // of Kubernetes; "": the newest
		flags   []string
		says    string // "": accepted
	}{
		"nothing changes":              {spec: whole},
		"one server is not ready":      {spec: whole, away: []string{running}},
		"two are not ready":            {spec: whole, away: []string{running, running}, says: "2 GlusterFS servers are not ready. A rolling upgrade would replace all of them at once"},
		"two, and by hand":             {spec: whole, away: []string{running, running}, flags: []string{"--set=gluster.updateStrategy=OnDelete"}},
		"two that have ended":          {spec: whole, away: []string{ended, again}, says: "2 GlusterFS servers are not ready"},
		"three without an image":       {spec: whole, away: []string{noImage, noImage, noImage}},
		"one of them runs":             {spec: whole, away: []string{noImage, noImage, running}},
		"1.30.6, one not ready":        {spec: whole, away: []string{running}, version: "v1.30.6"},
		"1.30.5, one not ready":        {spec: whole, away: []string{running}, version: "v1.30.5", says: "1 GlusterFS server is not ready. A rolling upgrade would replace another one, too,"},
		"1.30.5, one without an image": {spec: whole, away: []string{noImage}, version: "v1.30.5-eks-1", says: "1 GlusterFS server is not ready"},
		"1.30.5, all ready":            {spec: whole, version: "v1.30.5"},
		"other nodes":                  {spec: `"nodeSelector": {"kubernetes.io/os": "linux", "storage": "fast"}`, says: `the servers run on nodes with {"kubernetes.io/os":"linux","storage":"fast"}`},
		"another directory":            {spec: whole, path: "/data/glusterd", says: "gluster.hostPaths.glusterd: the servers use /data/glusterd, and not /var/lib/glusterd"},
		"one zone":                     {spec: whole, flags: []string{"--set-json=gluster.affinity=" + inZone}, says: "gluster.affinity: the servers run on nodes with the affinity {}"},
		"all zones":                    {spec: whole + `, "affinity": ` + inZone, says: "gluster.affinity: the servers run on nodes with the affinity {"},
		"the same zone":                {spec: whole + `, "affinity": ` + inZone, flags: []string{"--set-json=gluster.affinity=" + inZone}},
		"a zone is preferred":          {spec: whole, flags: []string{"--set-json=gluster.affinity=" + preferred}},
		"no taint is tolerated":        {spec: whole, flags: []string{"--set-json=gluster.tolerations=[]"}, says: `gluster.tolerations: the servers tolerate {"operator":"Exists"}, and [] lacks it`},
		"all taints":                   {spec: tolerant},
		"another taint":                {spec: tolerant, flags: []string{`--set-json=gluster.tolerations=[{"key": "fast", "operator": "Exists"}]`}, says: "gluster.tolerations: the servers tolerate"},
		"one taint more":               {spec: tolerant, flags: []string{`--set-json=gluster.tolerations=[{"key": "fast", "operator": "Exists"}, {"key": "storage", "operator": "Exists"}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			daemonSet := fmt.Sprintf(`{"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"name": "glusterfs", "namespace": "glusterfs-storage", `+ownedByHelm+`},
				"spec": {"template": {"spec": {%s, "volumes": [{"name": "glusterd", "hostPath": {"path": %q}}, {"name": "dev", "hostPath": {"path": "/dev"}}, {"name": "x", "emptyDir": {}}]}}},
				"status": {}}`, tt.spec, cmp.Or(tt.path, "/var/lib/glusterd"))
			found := map[string]string{
				"/apis/apps/v1/namespaces/glusterfs-storage/daemonsets/glusterfs": daemonSet,
				"/api/v1/namespaces/glusterfs-storage/pods":                       podsOfServers(tt.away),
				"/version": fmt.Sprintf(`{"major": "1", "minor": "", "gitVersion": %q}`, cmp.Or(tt.version, "v1.36.0")),
			}
			said, err := renderAmong(t, found, append([]string{"--is-upgrade"}, tt.flags...)...)
			if (err == nil) != (tt.says == "") || !strings.Contains(said, tt.says) {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// running is a container in a pod's status.
const running = `{"restartCount": 0, "lastState": {}, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}`

// podsOfServers returns an API server's list of pods: a server that is ready, two other pods that are not, and servers that are not
// ready, with the states of their containers.
func podsOfServers(away []string) string {
	const pod = `{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "labels": {%s}}, "status": {"conditions": [{"type": "Ready", "status": %q}], "containerStatuses": [%s]}}`
	const server = `"glusterfs-node": "pod"`
	pods := make([]string, 0, 3+len(away))
	pods = append(pods, fmt.Sprintf(pod, server, "True", running), fmt.Sprintf(pod, "", "False", running), fmt.Sprintf(pod, "", "False", running))
	for _, container := range away {
		pods = append(pods, fmt.Sprintf(pod, server, "False", container))
	}
	return `{"kind": "PodList", "apiVersion": "v1", "items": [` + strings.Join(pods, ",") + `]}`
}

// renderAmong renders the chart as helm does with an API server that has these objects, by path.
func renderAmong(t *testing.T, found map[string]string, flags ...string) (said string, err error) {
	t.Helper()
	answers := map[string]string{
		"/version": `{"major": "1", "minor": "36", "gitVersion": "v1.36.0"}`,
		"/api":     `{"kind": "APIVersions", "versions": ["v1"]}`,
		"/api/v1": resourceList("v1", "configmaps ConfigMap", "pods Pod", "secrets Secret", "services Service", "serviceaccounts ServiceAccount",
			"-persistentvolumes PersistentVolume"),
	}
	groups := make([]string, 0, 3)
	for group, resources := range map[string][]string{
		"apps":  {"daemonsets DaemonSet", "statefulsets StatefulSet"},
		"batch": {"jobs Job", "cronjobs CronJob"},
		"rbac.authorization.k8s.io": {
			"roles Role", "rolebindings RoleBinding", "-clusterroles ClusterRole", "-clusterrolebindings ClusterRoleBinding",
		},
	} {
		answers["/apis/"+group+"/v1"] = resourceList(group+"/v1", resources...)
		groups = append(groups, fmt.Sprintf(`{"name": %q, "versions": [{"groupVersion": "%s/v1", "version": "v1"}]}`, group, group))
	}
	answers["/apis"] = `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [` + strings.Join(groups, ",") + `]}`
	maps.Copy(answers, found)
	return helm(t, slices.Concat([]string{
		"template", "glusterfs-storage", storageDir, "--namespace", "glusterfs-storage", "--values", "testdata/storage/values/minimal.yaml",
		"--set=glusterfs-csi.enabled=false", "--dry-run=server", "--disable-openapi-validation", "--kubeconfig", kubeconfig(t, serveAPI(t, answers)),
	}, flags)...)
}

// resourceList returns an API server's answer about a group: each resource is "plural Kind", with a dash before it if it has no
// namespace.
func resourceList(groupVersion string, resources ...string) string {
	list := make([]string, 0, len(resources))
	for _, resource := range resources {
		plural, kind, _ := strings.Cut(resource, " ")
		name := strings.TrimPrefix(plural, "-")
		list = append(list, fmt.Sprintf(`{"name": %q, "kind": %q, "namespaced": %v, "verbs": ["get"]}`, name, kind, name == plural))
	}
	return fmt.Sprintf(`{"kind": "APIResourceList", "groupVersion": %q, "resources": [%s]}`, groupVersion, strings.Join(list, ","))
}

// Each upgrade makes a new Job, because Kubernetes does not allow to change one.
func TestSetupJobIsNewWhenItHasWork(t *testing.T) {
	name := func(values string) string {
		out, err := templateOf(t, storageDir, values)
		if err != nil {
			t.Fatal(out)
		}
		for _, object := range objects(t, out) {
			if object.GetKind() == "Job" {
				return object.GetName()
			}
		}
		t.Fatal("there is no Job")
		return ""
	}
	first := name(threeNodes)
	for what, values := range map[string]string{
		"another device": threeNodes + "  - {name: node4, address: 10.0.0.4, devices: [/dev/sdb]}\n",
		"another image":  threeNodes + "heketi: {image: {repository: r, tag: v2}}\n",
		"another pod":    threeNodes + "heketi: {tolerations: [{operator: Exists}]}\n",
	} {
		if second := name(values); second == first {
			t.Errorf("%s: the Job is %s again", what, second)
		}
	}
	if second := name(threeNodes + "gluster: {healTimeout: 1h}\n"); second != first {
		t.Errorf("nothing of the Job has changed, and it is %s after %s", second, first)
	}
}
