package migrate

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestPlanIsTheSame(t *testing.T) {
	s := testSources(t, dynamicPV, change(t, staticPV, "namespace: shop, name: data", "namespace: shop, name: other", "phase: Bound", "phase: Released"))
	s.Objects.Classes = append(s.Objects.Classes, object(t, inTreeClass))
	s.Objects.Volumes[0].SetAnnotations(map[string]string{"yes": "no", "number": "12", "empty": "", "lines": "a\nb: #c\n", "pv.kubernetes.io/provisioned-by": inTree})
	_ = unstructured.SetNestedField(s.Objects.Volumes[0].Object, int64(12345678), "spec", "number")
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	first, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Summary != (Summary{Migrate: 2, Warnings: 2}) || !strings.Contains(string(first), "number: 12345678\n") {
		t.Errorf("summary %+v\n%s", plan.Summary, first)
	}
	edited := plan
	edited.Notes = []string{"another"}
	if id, err := edited.digest(); err != nil || len(plan.ID) != 16 || id == plan.ID {
		t.Errorf("%v: two plans have the ids %s and %s", err, plan.ID, id)
	}
	slices.Reverse(s.Objects.Volumes)
	slices.Reverse(s.Objects.Endpoints)
	for i := range s.Objects.Volumes {
		s.Objects.Volumes[i].SetResourceVersion("another")
	}
	again, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := again.Encode(); err != nil || string(second) != string(first) {
		t.Errorf("%v; the second plan differs:\n%s\n%s", err, first, second)
	}
	decoded, err := Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	if third, err := decoded.Encode(); err != nil || string(third) != string(first) {
		t.Errorf("%v; read and written, the plan differs:\n%s\n%s", err, first, third)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const good = `
version: 1
id: i
cluster: c
driver: d
volumes:
- {name: a, action: migrate, kind: static, source: {volume: v}, provenBy: {volumeInfo: true}, backup: {metadata: {name: a}, spec: {glusterfs: {path: v}}}, replacement: {metadata: {name: a}, spec: {csi: {driver: d, volumeHandle: a, volumeAttributes: {volume: v}}, persistentVolumeReclaimPolicy: Retain}}}
`
	if _, err := Decode([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, text, says string }{
		{"nothing", " \n", "the file is empty"},
		{"another document", "apiVersion: v1\nkind: Pod\n", "this is no plan"},
		{"no YAML", "{", "this is no plan"},
		{"another version", change(t, good, "version: 1", "version: 2"), "plans of version 1 only"},
		{"no id", change(t, good, "id: i\n", ""), "id or cluster is empty"},
		{"no cluster", change(t, good, "cluster: c", "cluster: ''"), "id or cluster is empty"},
		{"no driver", change(t, good, "driver: d", `driver: ""`), "driver is empty"},
		{"an unknown field", change(t, good, "driver: d\n", "driver: d\ndriwer: e\n"), "driwer"},
		{"an unknown action", change(t, good, "migrate", "delete"), `volumes[0] (a): action "delete": must be migrate or refuse`},
		{"an unknown kind", change(t, good, "static", "odd"), `kind "odd": must be dynamic or static`},
		{"the replacement of another", change(t, good, "replacement: {metadata: {name: a}", "replacement: {metadata: {name: b}"), `replacement.metadata.name "b"`},
		{"the backup of another", change(t, good, "backup: {metadata: {name: a}", "backup: {metadata: {name: b}"), `backup.metadata.name "b"`},
		{"no spec", change(t, good, ", spec: {glusterfs: {path: v}}", ""), "backup.spec.glusterfs is missing"},
		{"another driver", change(t, good, "driver: d, volumeHandle", "driver: e, volumeHandle"), "must be the plan's driver, d"},
		{"another claim", change(t, good, "spec: {csi", "spec: {claimRef: {name: x}, csi"), "must be that of the backup"},
		{"deleted, made by hand", change(t, good, "Policy: Retain", "Policy: Delete"), "keeps the policy Retain"},
		{"adopted, made by hand", change(t, good, "volumeHandle: a", "volumeHandle: main/"+idA+"/adopted"), "a handle without a slash"},
		{"made by hand, without a proof", change(t, good, "provenBy: {volumeInfo: true}, ", ""), "provenBy is empty"},
		{"made by hand, proven by nothing", change(t, good, "volumeInfo: true", "volumeInfo: false"), "provenBy is empty"},
		{"dynamic, made by hand", change(t, good, "kind: static", "kind: dynamic"), `kind "dynamic": the backup is static`},
		{"another source", change(t, good, "source: {volume: v}", "source: {volume: w}"), "source: must be that of the backup, v"},
		{"another directory", change(t, good, "path: v", "path: v/d"), "source: must be that of the backup, v/d"},
		{"another volume", change(t, good, "volumeAttributes: {volume: v}", "volumeAttributes: {volume: w}"), `volumeAttributes.volume "w": must be that of the backup, "v"`},
		{"dynamic without a proof", change(t, good, "static", "dynamic", "backup: {metadata: {name: a}", "backup: {metadata: {name: a, annotations: {pv.kubernetes.io/provisioned-by: kubernetes.io/glusterfs}}"),
			"must be that of the volume in heketi"},
		{"no name", change(t, good, "name: a", `name: ""`), "name is empty"},
		{"one twice", good + strings.Split(good, "volumes:\n")[1], "twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Decode([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	plan, err := NewPlan(testSources(f, dynamicPV), Choices{Driver: testDriver})
	if err != nil {
		f.Fatal(err)
	}
	content, err := plan.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := Decode(content)
		if err != nil {
			return
		}
		for _, v := range p.Volumes {
			if v.Action == Migrate && (nameOf(v.Backup) != v.Name || nameOf(v.Replacement) != v.Name) {
				t.Errorf("%s would replace %s by %s", v.Name, nameOf(v.Backup), nameOf(v.Replacement))
			}
		}
	})
}

// FuzzNewPlan plans PersistentVolumes with any content. In every plan, volumes that were made by hand stay unmanaged, and no
// PersistentVolume gets the policy Delete that did not have it.
func FuzzNewPlan(f *testing.F) {
	f.Add([]byte(dynamicPV))
	f.Add([]byte(staticPV))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := testSources(t)
		parsed, ok := parseObject(content)
		if !ok {
			return
		}
		s.Objects.Volumes = append(s.Objects.Volumes, parsed)
		plan, err := NewPlan(s, Choices{Driver: testDriver})
		if err != nil {
			return
		}
		for _, v := range plan.Volumes {
			if v.Action != Migrate {
				continue
			}
			was, err := read[persistentVolume](objectOf(v.Backup))
			if err != nil {
				t.Fatal(err)
			}
			is, err := read[persistentVolume](objectOf(v.Replacement))
			if err != nil {
				t.Fatal(err)
			}
			byHand := was.Metadata.Annotations[annotationProvisionedBy] != inTree
			switch {
			case is.Spec.CSI == nil || is.Spec.GlusterFS != nil || is.Metadata.Name != was.Metadata.Name:
				t.Errorf("%+v does not replace %+v", is, was)
			case byHand && (strings.HasSuffix(is.Spec.CSI.VolumeHandle, "/adopted") || is.Spec.ReclaimPolicy != policyRetain):
				t.Errorf("made by hand, and in the driver's hands: %+v", is)
			case is.Spec.ReclaimPolicy == policyDelete && (was.Spec.ReclaimPolicy != policyDelete || len(v.Proofs) < 1 || v.Heketi == nil):
				t.Errorf("would be deleted: %+v", is)
			}
		}
	})
}
