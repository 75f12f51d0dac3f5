package e2e

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestMigrateMany migrates 100 volumes of all kinds to the driver, and rolls some back: every byte, owner and mode is compared,
// and volumes without proof are left alone.
func TestMigrateMany(t *testing.T) {
	const dynamic, static = 40, 60
	theDriver(t)
	m := newMigration(t, "many", dynamic, static)
	refused, manifest := unproven(t, m.namespace, m.class)
	m.apply(manifest + statefulSet(m.class))
	m.plan()
	before := m.volumes()

	watched := m.watchClaims()
	proxy := newAPIProxy(t)
	begin := time.Now()
	out, err := m.run(proxy.kubeconfig, "apply")
	took, requests := time.Since(begin), proxy.count()
	if err != nil || !strings.Contains(out, "migrated: 101\n") || // 100 volumes and the class
		!strings.Contains(out, "refused: 5\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	for pv, reason := range refused {
		if !regexp.MustCompile(`(?m)^refused +` + pv + ` .*` + regexp.QuoteMeta(reason)).MatchString(out) {
			t.Errorf("%s is not refused because of %q: %s", pv, reason, out)
		}
		if source := m.kubectl("get", "pv", pv, "-o", "jsonpath={.spec.glusterfs.path}{.spec.csi}"); !strings.HasPrefix(source, "vol_") {
			t.Errorf("%s was migrated without proof, and now has %s", pv, source)
		}
	}
	m.areOf(m.all, "csi")
	m.keep(m.all[:dynamic])
	t.Logf("%d volumes in %.1f s, %.2f s each; %d requests to the API server, %.1f for each", len(m.all), took.Seconds(), took.Seconds()/100, requests, float64(requests)/100)
	lost := watched()
	if slices.Sort(lost); len(lost) == 0 {
		t.Error("the watch has seen no Lost claim, so it does not work")
	} else {
		t.Logf("%d claims were seen Lost, for %s (median), %s at most", len(lost), lost[len(lost)/2].Round(time.Millisecond), lost[len(lost)-1].Round(time.Millisecond))
	}

	readers := m.read(m.all)
	if now := m.volumes(); !slices.Equal(now, before) {
		t.Errorf("the volumes are %q, and were %q", now, before)
	}
	m.grow(m.all[:3])
	m.kubectl(append([]string{"delete", patience}, readers...)...)
	m.kubectl("scale", "statefulset/set", "--replicas=3")
	m.kubectl("rollout", "status", "statefulset/set", patience)

	back := slices.Concat(m.all[3:8], m.all[dynamic:dynamic+5])
	if out, err := m.run(m.kubeconfig, "rollback", append(m.only(back), "--scale-down")...); err != nil || !strings.Contains(out, "rolled back: 10\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	m.areOf(back, "glusterfs")
	if out, err := m.run(m.kubeconfig, "apply", m.only(back)...); err != nil || !strings.Contains(out, "migrated: 10\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	m.areOf(back, "csi")
	m.read(back)
	m.kubectl("rollout", "status", "statefulset/set", patience)

	gone := m.all[dynamic-3 : dynamic]
	for _, v := range gone {
		m.kubectl("delete", "pvc", v.claim, patience)
	}
	eventually(t, func() error {
		if now := m.volumes(); len(now) != len(before)-2*len(gone) {
			return fmt.Errorf("the volumes are %q, and were %q before %d were deleted", now, before, len(gone))
		}
		return nil
	})
}

// migration is a namespace with volumes of the in-tree plugin, and a plan for them.
type migration struct {
	*space
	class                          string
	all                            []inTree
	file, config, info, kubeconfig string
}

func newMigration(t *testing.T, namespace string, dynamic, static int) *migration {
	t.Helper()
	m := &migration{class: namespace + "-in-tree", file: filepath.Join(t.TempDir(), "plan.yaml"), config: migrationConfig(t), kubeconfig: cluster.Kubeconfig()}
	m.all = corpus(t, namespace, m.class, dynamic, static)
	m.space = newSpace(t, namespace)
	t.Cleanup(m.retainInTree)
	m.space.class(inTreeClass(m.class))
	m.apply(inTreeEndpoints("glusterfs-cluster"))
	fillAll(t, m.all)
	m.info = glusterInfo(t)
	var manifests strings.Builder
	for _, v := range m.all {
		manifests.WriteString(v.manifest)
	}
	m.apply(manifests.String())
	for _, v := range m.all {
		m.bound(v.claim)
	}
	return m
}

// retainInTree sets the policy Retain on the in-tree plugin's PersistentVolumes. With another policy, no Kubernetes since 1.26
// can delete them.
func (m *migration) retainInTree() {
	ctx := context.Background()
	names, err := cluster.Kubectl(ctx, "get", "pv", "--selector=e2e="+m.namespace, "-o", "jsonpath={range .items[?(@.spec.glusterfs)]}{.metadata.name} {end}")
	for name := range strings.FieldsSeq(names) {
		if err == nil {
			_, err = cluster.Kubectl(ctx, "patch", "pv", name, "-p", `{"spec": {"persistentVolumeReclaimPolicy": "Retain"}}`)
		}
	}
	ok(m.T, err)
}

// plan writes the plan twice and checks that both are the same.
func (m *migration) plan() {
	m.Helper()
	again := filepath.Join(m.TempDir(), "again.yaml")
	for _, file := range []string{m.file, again} {
		migrate(m.T, "plan", "--config="+m.config, "--volume-info="+m.info, "--output="+file)
	}
	if readFile(m.T, m.file) != readFile(m.T, again) {
		m.Error("the second plan differs")
	}
}

// run applies the plan, or rolls it back, and returns the output of the command.
func (m *migration) run(kubeconfig, what string, args ...string) (string, error) {
	m.Helper()
	cmd := m.command(m.Context(), kubeconfig, what, args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// only returns the arguments that restrict a command to some of the volumes.
func (m *migration) only(some []inTree) []string {
	args := make([]string, len(some))
	for i, v := range some {
		args[i] = "--only=" + v.pv(m.namespace)
	}
	return args
}

// areOf checks which plugin PersistentVolumes belong to, that their claims are bound to them, and that the driver may delete none
// of the volumes that were made by hand.
func (m *migration) areOf(some []inTree, source string) {
	m.Helper()
	for _, v := range some {
		m.bound(v.claim)
		now := m.kubectl("get", "pv", v.pv(m.namespace), "-o", "jsonpath={.spec."+source+"} {.spec.persistentVolumeReclaimPolicy}")
		if strings.HasPrefix(now, " ") {
			m.Errorf("%s has no source %s", v.claim, source)
		}
		if !v.dynamic && source == "csi" && !strings.HasSuffix(now, " Retain") {
			m.Errorf("%s was made by hand, and has %s, want the policy Retain", v.claim, now)
		}
	}
}

// read compares all files with their listing, in pods with ten volumes each, and writes where the group may.
func (m *migration) read(some []inTree) (pods []string) {
	m.Helper()
	number := 0
	for part := range slices.Chunk(some, 10) {
		name := fmt.Sprintf("reader-%d-%d", len(some), number)
		number++
		m.apply(reader(name, part))
		m.kubectl("wait", "--for=condition=Ready", "--timeout=5m", "pod/"+name)
		pods = append(pods, "pod/"+name)
		for _, v := range part {
			if got := m.kubectl("exec", name, "-c", "root", "--", "sh", "-c", "cd /v/"+v.claim+" && "+listFiles); got != v.listing {
				m.Errorf("%s has\n%s\nand had\n%s", v.claim, got, v.listing)
			}
			writable := v.gid > 0 && !v.readOnly
			_, err := m.try("exec", name, "-c", "user", "--", "sh", "-c", "cd /v/"+v.claim+"/group && echo new >new && rm new")
			if (err == nil) != writable {
				m.Errorf("%s: a write by a pod with its group: %v", v.claim, err)
			}
		}
	}
	return pods
}

// grow expands volumes that pods use.
func (m *migration) grow(some []inTree) {
	m.Helper()
	notSuspect(m.T)
	for _, v := range some {
		m.kubectl("patch", "pvc", v.claim, "-p", `{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}`)
	}
	for _, v := range some {
		m.grown(v.claim, "2Gi")
	}
}

// keep checks that PersistentVolumes kept their earlier properties.
func (m *migration) keep(some []inTree) {
	m.Helper()
	const what = "jsonpath={.metadata.labels.team} {.spec.mountOptions} {.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values}"
	for _, v := range some {
		if now := m.kubectl("get", "pv", v.pv(m.namespace), "-o", what); now != v.kept {
			m.Errorf("%s has %q, want %q", v.claim, now, v.kept)
		}
	}
}

// volumes lists the volumes in Heketi and gluster.
func (m *migration) volumes() []string {
	m.Helper()
	inHeketi, err := outside.HeketiVolumes(m.Context(), cluster.Lab().Heketi())
	ok(m.T, err)
	inGluster, err := outside.GlusterVolumes(m.Context(), cluster.Lab())
	ok(m.T, err)
	all := make([]string, 0, len(inHeketi)+len(inGluster))
	for _, v := range inHeketi {
		all = append(all, fmt.Sprintf("Heketi: %s, %d GiB", v.Name, v.GiB))
	}
	for _, v := range inGluster {
		all = append(all, fmt.Sprintf("gluster: %s, %s", v.Name, v.Status))
	}
	slices.Sort(all)
	return all
}

// watchClaims starts to watch the claims. The function that it returns stops the watch and returns how long claims were Lost.
func (m *migration) watchClaims() (lost func() []time.Duration) {
	m.Helper()
	ctx, stop := context.WithCancel(m.Context())
	cmd := cluster.Command(ctx, "kubectl", "--namespace="+m.namespace, "get", "pvc", "--watch", "-o", `jsonpath={.metadata.name} {.status.phase}{"\n"}`)
	out, err := cmd.StdoutPipe()
	ok(m.T, err)
	ok(m.T, cmd.Start())
	var times []time.Duration
	var watching sync.WaitGroup
	watching.Go(func() {
		since := map[string]time.Time{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			name, phase, _ := strings.Cut(lines.Text(), " ")
			switch began, is := since[name]; {
			case phase == "Lost" && !is:
				since[name] = time.Now()
			case phase == "Bound" && is:
				times = append(times, time.Since(began))
				delete(since, name)
			}
		}
	})
	return func() []time.Duration {
		stop()
		watching.Wait()
		_ = cmd.Wait()
		return times
	}
}
