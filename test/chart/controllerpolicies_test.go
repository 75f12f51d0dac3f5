package chart

import (
	"path/filepath"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	gidAnnotation = "pv.beta.kubernetes.io/gid"
	claimUID      = "0e3ba1c1-8c4e-4d4c-9f0e-5d9d6c6f8a11"
)

// newVolume returns a PersistentVolume as external-provisioner creates it.
func newVolume(t *testing.T) *corev1.PersistentVolume {
	t.Helper()
	return decode[corev1.PersistentVolume](t, `
metadata:
  name: pvc-%[1]s
  labels: {tier: gold}
  annotations:
    pv.kubernetes.io/provisioned-by: glusterfs.csi.gluster.org
    volume.kubernetes.io/provisioner-deletion-secret-name: ""
    volume.kubernetes.io/provisioner-deletion-secret-namespace: ""
  finalizers: [external-provisioner.volume.kubernetes.io/finalizer]
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: team-a, name: data, uid: %[1]s}
  csi:
    driver: glusterfs.csi.gluster.org
    volumeHandle: production/0123456789abcdef0123456789abcdef
    volumeAttributes: {gid: "2000", servers: "10.0.0.1", volume: csi-team-a_data}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: glusterfs
`, claimUID)
}

func foreignVolume(t *testing.T) *corev1.PersistentVolume {
	t.Helper()
	pv := newVolume(t)
	pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
	return pv
}

func volumeWith(t *testing.T, change func(*corev1.PersistentVolume)) *corev1.PersistentVolume {
	t.Helper()
	pv := newVolume(t)
	change(pv)
	return pv
}

const (
	ofThisDriver   = "only PersistentVolumes of this driver"
	ofANewVolume   = "only PersistentVolumes of new volumes"
	onlyCapacity   = "nothing of a PersistentVolume's spec but its capacity"
	onlyItsOwn     = "no label, owner or annotation"
	onlyFinalizer  = "only the finalizer of external-provisioner"
	onlyItsGroup   = "only to the gid of its volumeAttributes"
	onlyReleased   = "only PersistentVolumes that are Released"
	onlyItsSecrets = "names a Secret that is not among the chart's classSecrets"
)

func TestControllerCreatesVolumesOfItsDriver(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-volumes.glusterfs.csi.gluster.org")
	for name, tt := range map[string]struct {
		pv   *corev1.PersistentVolume
		want string
	}{
		"of external-provisioner": {newVolume(t), ""},
		"with its group":          {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Annotations[gidAnnotation] = "2000" }), ""},
		"a directory of the node": {foreignVolume(t), ofThisDriver},
		"of another driver":       {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.CSI.Driver = "other.example.org" }), ofThisDriver},
		"a volume to take over":   {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.CSI.VolumeHandle += "/adopted" }), ofANewVolume},
		"a static volume":         {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.CSI.VolumeHandle = "anything" }), ofANewVolume},
		"a handle of two lines":   {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.CSI.VolumeHandle += "\n" }), ofANewVolume},
		"for a claim to come":     {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.ClaimRef.UID = "" }), ofANewVolume},
		"for any claim":           {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.ClaimRef = nil }), ofANewVolume},
		"without class":           {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Spec.StorageClassName = "" }), ofANewVolume},
		"for another provisioner": {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Annotations["pv.kubernetes.io/provisioned-by"] = "other" }), ofANewVolume},
		"another group":           {volumeWith(t, func(pv *corev1.PersistentVolume) { pv.Annotations[gidAnnotation] = "3000" }), onlyItsGroup},
		"root's group": {volumeWith(t, func(pv *corev1.PersistentVolume) {
			pv.Annotations[gidAnnotation], pv.Spec.CSI.VolumeAttributes["gid"] = "0", "0"
		}), onlyItsGroup},
		"a group of the system": {volumeWith(t, func(pv *corev1.PersistentVolume) {
			pv.Annotations[gidAnnotation], pv.Spec.CSI.VolumeAttributes["gid"] = "999", "999"
		}), onlyItsGroup},
		"a Secret for the kubelet to read": {volumeWith(t, func(pv *corev1.PersistentVolume) {
			pv.Spec.CSI.NodePublishSecretRef = &corev1.SecretReference{Namespace: "kube-system", Name: "token"}
		}), onlyItsSecrets},
	} {
		refuses(t, name, p.check(t, requestOf("controller", admissionv1.Create), tt.pv, nil), tt.want)
	}
}

// The values list the Secrets of classes, so the policy does, too.
func TestControllerNamesSecretsOfClasses(t *testing.T) {
	for _, r := range renderings() {
		if r.name != "placement" {
			continue
		}
		p := parsePolicy(t, r, "own-volumes.glusterfs.csi.gluster.org")
		for secret, want := range map[string]string{"team-b/heketi-old": "", "team-a/heketi-old": onlyItsSecrets} {
			namespace, name, _ := strings.Cut(secret, "/")
			pv := volumeWith(t, func(pv *corev1.PersistentVolume) {
				pv.Spec.CSI.ControllerExpandSecretRef = &corev1.SecretReference{Namespace: namespace, Name: name}
			})
			refuses(t, secret, p.check(t, requestOf("controller", admissionv1.Create), pv, nil), want)
		}
	}
}

func TestControllerChangesVolumesOfItsDriver(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-volumes.glusterfs.csi.gluster.org")
	elsewhere := func(pv *corev1.PersistentVolume) { pv.Spec.ClaimRef.Namespace = "team-b" }
	for name, tt := range map[string]struct {
		change func(*corev1.PersistentVolume)
		want   string
	}{
		"its size":           {func(pv *corev1.PersistentVolume) { pv.Spec.Capacity["storage"] = resource.MustParse("2Gi") }, ""},
		"its group":          {func(pv *corev1.PersistentVolume) { pv.Annotations[gidAnnotation] = "2000" }, ""},
		"the finalizer":      {func(pv *corev1.PersistentVolume) { pv.Finalizers = nil }, ""},
		"another group":      {func(pv *corev1.PersistentVolume) { pv.Annotations[gidAnnotation] = "0" }, onlyItsGroup},
		"the claim":          {elsewhere, onlyCapacity},
		"no claim":           {func(pv *corev1.PersistentVolume) { pv.Spec.ClaimRef = nil }, onlyCapacity},
		"the reclaim policy": {func(pv *corev1.PersistentVolume) { pv.Spec.PersistentVolumeReclaimPolicy = "Retain" }, onlyCapacity},
		"mount options":      {func(pv *corev1.PersistentVolume) { pv.Spec.MountOptions = []string{"ro"} }, onlyCapacity},
		"the class":          {func(pv *corev1.PersistentVolume) { pv.Spec.StorageClassName = "other" }, onlyCapacity},
		"the driver":         {func(pv *corev1.PersistentVolume) { pv.Spec.CSI.Driver = "other" }, ofThisDriver},
		"a Secret": {func(pv *corev1.PersistentVolume) {
			pv.Spec.CSI.ControllerExpandSecretRef = &corev1.SecretReference{Name: "s"}
		}, onlyCapacity},
		"an owner": {func(pv *corev1.PersistentVolume) {
			pv.OwnerReferences = []metav1.OwnerReference{{Kind: "Pod", Name: "gone", UID: "x"}}
		}, onlyItsOwn},
		"a label":        {func(pv *corev1.PersistentVolume) { pv.Labels["tier"] = "silver" }, onlyItsOwn},
		"an annotation":  {func(pv *corev1.PersistentVolume) { pv.Annotations["pv.kubernetes.io/provisioned-by"] = "other" }, onlyItsOwn},
		"no annotations": {func(pv *corev1.PersistentVolume) { pv.Annotations = nil }, onlyItsOwn},
		"the finalizer of use": {func(pv *corev1.PersistentVolume) {
			pv.Finalizers = append(pv.Finalizers, "kubernetes.io/pv-protection")
		}, onlyFinalizer},
	} {
		refuses(t, name, p.check(t, requestOf("controller", admissionv1.Update), volumeWith(t, tt.change), newVolume(t)), tt.want)
	}
	refuses(t, "protection taken away", p.check(t, requestOf("controller", admissionv1.Update), newVolume(t),
		volumeWith(t, func(pv *corev1.PersistentVolume) {
			pv.Finalizers = append(pv.Finalizers, "kubernetes.io/pv-protection")
		})), onlyFinalizer)
	refuses(t, "a foreign volume made ours", p.check(t, requestOf("controller", admissionv1.Update), newVolume(t), foreignVolume(t)), ofThisDriver)
	refuses(t, "a foreign volume", p.check(t, requestOf("controller", admissionv1.Update), foreignVolume(t), foreignVolume(t)), ofThisDriver)

	status := requestOf("controller", admissionv1.Update)
	status.SubResource = "status"
	refuses(t, "the status", p.check(t, status, newVolume(t), newVolume(t)), "subresources")
	refuses(t, "another account", p.check(t, requestOf("other", admissionv1.Update), volumeWith(t, elsewhere), newVolume(t)), "")
	// An administrator's values are kept.
	hand := func(pv *corev1.PersistentVolume) { pv.Annotations[gidAnnotation] = "100" }
	refuses(t, "a group by hand", p.check(t, requestOf("controller", admissionv1.Update), volumeWith(t, hand), volumeWith(t, hand)), "")
}

func TestControllerDeletesReleasedVolumes(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-volumes.glusterfs.csi.gluster.org")
	released := func(pv *corev1.PersistentVolume) { pv.Status.Phase = corev1.VolumeReleased }
	retained := func(pv *corev1.PersistentVolume) { released(pv); pv.Spec.PersistentVolumeReclaimPolicy = "Retain" }
	bound := func(pv *corev1.PersistentVolume) { pv.Status.Phase = corev1.VolumeBound }
	foreign := foreignVolume(t)
	released(foreign)
	for name, tt := range map[string]struct {
		pv   *corev1.PersistentVolume
		want string
	}{
		"released":          {volumeWith(t, released), ""},
		"retained":          {volumeWith(t, retained), onlyReleased},
		"bound":             {volumeWith(t, bound), onlyReleased},
		"of another driver": {foreign, ofThisDriver},
	} {
		refuses(t, name, p.check(t, requestOf("controller", admissionv1.Delete), nil, tt.pv), tt.want)
	}
}

func TestControllerChangesTheStatusOfClaims(t *testing.T) {
	p := parsePolicy(t, renderings()[0], "own-claims.glusterfs.csi.gluster.org")
	const provisioner, notRequired = "volume.kubernetes.io/storage-provisioner", "volume.kubernetes.io/node-expansion-not-required"
	claim := func(driver string) *corev1.PersistentVolumeClaim {
		return decode[corev1.PersistentVolumeClaim](t, `{metadata: {name: data, finalizers: [kubernetes.io/pvc-protection], annotations: {%s: "%s"}}, status: {phase: Bound}}`, provisioner, driver)
	}
	const ours, inTree = "glusterfs.csi.gluster.org", "kubernetes.io/glusterfs"
	for name, tt := range map[string]struct {
		driver string
		change func(*corev1.PersistentVolumeClaim)
		want   string
	}{
		"a size": {ours, func(pvc *corev1.PersistentVolumeClaim) {
			pvc.Status.Capacity = corev1.ResourceList{"storage": resource.MustParse("2Gi")}
		}, ""},
		"its annotation":      {ours, func(pvc *corev1.PersistentVolumeClaim) { pvc.Annotations[notRequired] = "true" }, ""},
		"of the in-tree days": {inTree, func(*corev1.PersistentVolumeClaim) {}, ""},
		"bound by hand":       {"", func(*corev1.PersistentVolumeClaim) {}, ""},
		"of another driver":   {"other.example.org", func(*corev1.PersistentVolumeClaim) {}, "claims of other drivers"},
		"an owner":            {ours, func(pvc *corev1.PersistentVolumeClaim) { pvc.OwnerReferences = []metav1.OwnerReference{{Name: "gone"}} }, "metadata"},
		"no protection":       {ours, func(pvc *corev1.PersistentVolumeClaim) { pvc.Finalizers = nil }, "metadata"},
		"a label":             {ours, func(pvc *corev1.PersistentVolumeClaim) { pvc.Labels = map[string]string{"a": "b"} }, "metadata"},
		"another driver":      {ours, func(pvc *corev1.PersistentVolumeClaim) { pvc.Annotations[provisioner] = "other" }, "metadata"},
		"the phase":           {ours, func(pvc *corev1.PersistentVolumeClaim) { pvc.Status.Phase = corev1.ClaimLost }, "phase"},
	} {
		request := requestOf("controller", admissionv1.Update)
		request.SubResource = "status"
		changed := claim(tt.driver)
		tt.change(changed)
		refuses(t, name, p.check(t, request, changed, claim(tt.driver)), tt.want)
		request.SubResource = ""
		refuses(t, name+", not as status", p.check(t, request, changed, claim(tt.driver)), "nothing of claims but their status")
	}
}

// refuses checks that a refusal's message contains a text; "" means that there is no refusal.
func refuses(t *testing.T, name, got, want string) {
	t.Helper()
	if (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("%s: refused with %q, want %q", name, got, want)
	}
}

// An API server without admission policies would refuse the objects.
func TestAdmissionPoliciesAreRendered(t *testing.T) {
	for _, tt := range []struct {
		values string
		apis   []string
		want   int
	}{
		{backend, []string{validatingPolicies}, 4},
		{"backends: []", []string{validatingPolicies}, 2},
		{backend + "node: {removeNotReadyTaint: false}", []string{validatingPolicies}, 3},
		{backend + "node: {removeNotReadyTaint: false, events: false}", []string{validatingPolicies}, 2},
		{backend + "admissionPolicies: false", []string{validatingPolicies}, 0},
		{backend, nil, 0},
	} {
		r := rendering{values: filepath.Join(t.TempDir(), "values.yaml"), apis: tt.apis}
		write(t, r.values, tt.values)
		text := r.render(t)
		for _, kind := range []string{"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} {
			if got := strings.Count(text, "kind: "+kind+"\n"); got != tt.want {
				t.Errorf("%q with %v: %d of %s, want %d", tt.values, tt.apis, got, kind, tt.want)
			}
		}
	}
}
