package chart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// Fields that Kubernetes does not allow to change, and names that Heketi, the setup Job and documents use.
func TestStorageWhatCannotBeUpgraded(t *testing.T) {
	labels := func(component string) any {
		return map[string]any{
			"app.kubernetes.io/name": "glusterfs-storage", "app.kubernetes.io/instance": "glusterfs-storage", "app.kubernetes.io/component": component,
		}
	}
	for _, r := range storageRenderings() {
		t.Run(r.name, func(t *testing.T) {
			list := objects(t, r.render(t))
			servers := only(t, list, "DaemonSet", "glusterfs")
			same(t, servers, labels("gluster"), "spec", "selector", "matchLabels")
			same(t, servers, "pod", "spec", "template", "metadata", "labels", "glusterfs-node")
			server := only(t, list, "StatefulSet", "heketi")
			same(t, server, labels("heketi"), "spec", "selector", "matchLabels")
			same(t, server, 1.0, "spec", "replicas")
			same(t, server, "heketi", "spec", "serviceName")
			same(t, server, "Parallel", "spec", "podManagementPolicy")
			same(t, only(t, list, "Service", "heketi"), labels("heketi"), "spec", "selector")
			pv := only(t, list, "PersistentVolume", "glusterfs-storage-heketidbstorage")
			same(t, pv, "glusterfs-storage-heketidbstorage", "spec", "csi", "volumeHandle")
			same(t, pv, "heketidbstorage", "spec", "csi", "volumeAttributes", "volume")
			same(t, pv, "Retain", "spec", "persistentVolumeReclaimPolicy")
			same(t, pv, []any{"ReadWriteOncePod"}, "spec", "accessModes")
			same(t, pv, "heketi-db", "spec", "claimRef", "name")
			driver := "glusterfs.csi.gluster.org"
			if r.name == "everything" {
				driver = "gluster.example.org"
			}
			same(t, pv, driver, "spec", "csi", "driver")
			checkPV(t, pv)
		})
	}
}

// Servers are replaced one at a time, or not at all.
func TestServersAreReplacedOneAtATime(t *testing.T) {
	for _, r := range storageRenderings() {
		want := any(map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxUnavailable": 1.0}})
		if r.name == "topology" {
			want = map[string]any{"type": "OnDelete"}
		}
		same(t, only(t, objects(t, r.render(t)), "DaemonSet", "glusterfs"), want, "spec", "updateStrategy")
	}
}

// Objects that must survive an uninstallation, so that a later installation can use them.
func TestWhatIsKept(t *testing.T) {
	for _, r := range storageRenderings() {
		for _, object := range objects(t, r.render(t)) {
			kept := object.GetAnnotations()["helm.sh/resource-policy"] == "keep"
			kind := object.GetKind()
			if want := kind == "PersistentVolume" || kind == "Secret"; kept != want {
				t.Errorf("%s: %s %s is kept: %v, want %v", r.name, kind, object.GetName(), kept, want)
			}
			if _, has := object.Object["data"]; has && strings.HasPrefix(object.GetName(), "heketi-db-backup") {
				t.Errorf("%s: an upgrade would overwrite the copy of the database in %s", r.name, object.GetName())
			}
		}
	}
}

// Only an administrator starts a teardown, and Kubernetes does not retry a teardown that was refused.
func TestTeardownNeedsAnAdministrator(t *testing.T) {
	for _, r := range storageRenderings() {
		job := only(t, objects(t, r.render(t)), "CronJob", "storage-teardown")
		same(t, job, true, "spec", "suspend")
		same(t, job, "Never", "spec", "jobTemplate", "spec", "template", "spec", "restartPolicy")
		same(t, job, []any{map[string]any{
			"action": "FailJob", "onExitCodes": map[string]any{"containerName": "teardown", "operator": "In", "values": []any{2.0, 3.0}},
		}}, "spec", "jobTemplate", "spec", "podFailurePolicy", "rules")
	}
}

// Keys are only in Secrets, from which containers get them as environment variables. Heketi's configuration is a ConfigMap.
func TestNothingSecretIsInConfigMaps(t *testing.T) {
	for _, r := range storageRenderings() {
		all := r.renderAll(t)
		for _, object := range objects(t, all) {
			if object.GetKind() != "ConfigMap" {
				continue
			}
			for file, content := range dig(t, object.Object, "data").(map[string]any) {
				for line := range strings.SplitSeq(content.(string), "\n") {
					if regexp.MustCompile(`(?i)(key|password|secret)["']?: *["']?[^"' {]`).MatchString(line) && !regexp.MustCompile(`(keyFile|key_file)"?: "?/`).MatchString(line) {
						t.Errorf("%s: %s/%s has %q", r.name, object.GetName(), file, line)
					}
				}
			}
		}
		for _, c := range containers(t, r) {
			env, _, _ := unstructured.NestedSlice(c.spec, "env")
			for _, item := range env {
				variable := item.(map[string]any)
				if name := variable["name"].(string); strings.HasSuffix(name, "_KEY") && variable["value"] != nil {
					t.Errorf("%s: %s/%s has %s in plain text", r.name, c.component, c.name, name)
				}
			}
		}
	}
}

func TestHeketiConfiguration(t *testing.T) {
	for _, r := range storageRenderings() {
		var config struct {
			Port      string                       `json:"port"`
			EnableTLS bool                         `json:"enable_tls"`
			CertFile  string                       `json:"cert_file"`
			KeyFile   string                       `json:"key_file"`
			UseAuth   bool                         `json:"use_auth"`
			JWT       map[string]map[string]string `json:"jwt"`
			GlusterFS map[string]any               `json:"glusterfs"`
		}
		text := dig(t, only(t, objects(t, r.render(t)), "ConfigMap", "heketi-config").Object, "data", "heketi.json").(string)
		if err := json.Unmarshal([]byte(text), &config); err != nil {
			t.Fatal(err)
		}
		everything := r.name == "everything"
		if config.Port != "8080" || config.EnableTLS != everything || (config.CertFile != "") != everything || (config.KeyFile != "") != everything {
			t.Errorf("%s: %+v", r.name, config)
		}
		if config.UseAuth == (r.name == "without-driver") {
			t.Errorf("%s: use_auth is %v", r.name, config.UseAuth)
		}
		// Without these fields, Heketi does not start, even without authentication.
		if diff := cmp.Diff(map[string]map[string]string{"admin": {"key": ""}, "user": {"key": ""}}, config.JWT); diff != "" {
			t.Errorf("%s: %s", r.name, diff)
		}
		want := map[string]any{
			"executor": "kubernetes", "db": "/var/lib/heketi/heketi.db", "loglevel": "info", "auto_create_block_hosting_volume": false, "disable_background_cleaner": true,
			"kubeexec": map[string]any{"gluster_cli_timeout": 1800.0},
		}
		if everything {
			want["loglevel"], want["zone_checking"], want["brick_min_size_gb"] = "debug", "strict", 1.0
			want["kubeexec"] = map[string]any{"gluster_cli_timeout": 2700.0}
		}
		if diff := cmp.Diff(want, config.GlusterFS); diff != "" {
			t.Errorf("%s: %s", r.name, diff)
		}
	}
}

// nodes become a topology.json in the format of heketi-cli; a topology.json is passed on unchanged.
func TestTopology(t *testing.T) {
	for name, want := range map[string]string{
		"minimal": `{"clusters": [{"nodes": [
			{"node": {"hostnames": {"manage": ["node1"], "storage": ["10.0.0.1"]}, "zone": 1}, "devices": ["/dev/sdb"]},
			{"node": {"hostnames": {"manage": ["node2"], "storage": ["10.0.0.2"]}, "zone": 1}, "devices": ["/dev/sdb"]},
			{"node": {"hostnames": {"manage": ["node3"], "storage": ["10.0.0.3"]}, "zone": 1}, "devices": ["/dev/sdb"]}]}]}`,
		"topology": topologyValue(t, "testdata/storage/values/topology.yaml"),
	} {
		r := rendering{name: name, chart: storageDir, values: filepath.Join("testdata/storage/values", name+".yaml")}
		got := dig(t, only(t, objects(t, r.render(t)), "ConfigMap", "heketi-topology").Object, "data", "topology.json").(string)
		var wanted, found any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(got), &found); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if diff := cmp.Diff(wanted, found); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func topologyValue(t *testing.T, path string) string {
	t.Helper()
	var values struct {
		TopologyJSON string `json:"topologyJSON"`
	}
	if err := yaml.Unmarshal([]byte(read(t, path)), &values); err != nil {
		t.Fatal(err)
	}
	return values.TopologyJSON
}

// The driver can read the configuration that the storage chart's values give it.
func TestDriverReadsItsConfigurationForStorage(t *testing.T) {
	for name, url := range map[string]string{"minimal": "http://heketi.glusterfs-storage.svc:8080", "everything": "https://heketi.glusterfs-storage.svc:8080"} {
		r := rendering{name: name, chart: storageDir, values: filepath.Join("testdata/storage/values", name+".yaml")}
		list := objects(t, r.renderAll(t))
		dir := t.TempDir()
		for _, source := range projected(t, only(t, list, "StatefulSet", "glusterfs-storage-glusterfs-csi-controller")) {
			for file, content := range filesOf(t, list, source) {
				write(t, filepath.Join(dir, file), strings.ReplaceAll(content, "/etc/glusterfs-csi/", dir+"/"))
			}
		}
		config, err := heketi.LoadConfig(filepath.Join(dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(config.Backends) != 1 || config.Backends[0].Name != "storage" || config.Backends[0].URL != url || config.Backends[0].KeyFile == "" {
			t.Errorf("%s: %+v", name, config.Backends)
		}
		checkStorage(t, classes(list))
	}
}

func classes(list []*unstructured.Unstructured) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range list {
		if object.GetKind() == "StorageClass" {
			found = append(found, object)
		}
	}
	return found
}

// Both charts have the same version, and helm finds the driver's chart in a clone without another command.
func TestDriverIsPartOfTheStorageChart(t *testing.T) {
	var driver, storage struct {
		Version      string
		AppVersion   string
		KubeVersion  string
		Dependencies []struct{ Name, Version, Repository string }
	}
	for chart, into := range map[string]any{chartDir: &driver, storageDir: &storage} {
		if err := yaml.Unmarshal([]byte(read(t, chart+"/Chart.yaml")), into); err != nil {
			t.Fatal(err)
		}
	}
	if storage.Version != driver.Version || storage.AppVersion != driver.AppVersion || storage.KubeVersion != driver.KubeVersion {
		t.Errorf("the storage chart is of %+v, the driver's of %+v", storage, driver)
	}
	if len(storage.Dependencies) != 1 || storage.Dependencies[0].Version != driver.Version {
		t.Errorf("the storage chart needs %+v, and there is %s", storage.Dependencies, driver.Version)
	}
	if link, err := os.Readlink(storageDir + "/charts/glusterfs-csi"); err != nil || link != "../../glusterfs-csi" {
		t.Errorf("charts/glusterfs-csi is a link to %q, %v", link, err)
	}
}
