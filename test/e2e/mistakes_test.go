package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// mistake is a mistake that users make, and the message that reports it.
type mistake struct {
	name string
	// class and objects are applied; class also holds objects without a namespace, or of another one. The message appears at the
	// object with this kind and name.
	class      string
	objects    string
	kind, whom string
	// documented is the part of the message that docs/troubleshooting.md has; said are other parts of the message.
	documented string
	said       []string
}

// mistakes returns mistakes in classes, claims and static volumes. Claims of such a class stay pending until the user acts.
func mistakes(s *space) []mistake {
	class := func(name string, parameters ...string) string {
		return fmt.Sprintf("---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: %s}\nprovisioner: %s\nparameters: {%s}\n",
			name, driver.Name, strings.Join(parameters, ", "))
	}
	const production = "backend: " + driver.Backend
	return []mistake{
		{
			name:    "parameter misspelt",
			class:   class("misspelt", production, "volumetipe: none"),
			objects: claim("misspelt", "misspelt", "ReadWriteMany", "1Gi"),
			kind:    "PersistentVolumeClaim", whom: "misspelt",
			documented: "is not a known parameter", said: []string{"volumetipe", "volumetype"},
		},
		{
			name:    "kind of volume that Heketi does not have",
			class:   class("five-copies", production, "volumetype: replicate:5"),
			objects: claim("five-copies", "five-copies", "ReadWriteMany", "1Gi"),
			kind:    "PersistentVolumeClaim", whom: "five-copies",
			documented: "is not allowed", said: []string{"volumetype", "replicate:5", "2 or 3"},
		},
		{
			name:    "backend that is not configured",
			class:   class("nowhere", "backend: nowhere"),
			objects: claim("nowhere", "nowhere", "ReadWriteMany", "1Gi"),
			kind:    "PersistentVolumeClaim", whom: "nowhere",
			documented: "must be one of the configured backends", said: []string{"nowhere", driver.Backend, driver.ArchiveBackend},
		},
		{
			name: "wrong key",
			class: class("wrong-key", production, "csi.storage.k8s.io/provisioner-secret-namespace: default",
				"csi.storage.k8s.io/provisioner-secret-name: "+driver.WrongKeySecret) +
				"---\napiVersion: v1\nkind: Secret\nmetadata: {name: " + driver.WrongKeySecret + ", namespace: default}\nstringData: {key: guessed}\n",
			objects: claim("wrong-key", "wrong-key", "ReadWriteMany", "1Gi"),
			kind:    "PersistentVolumeClaim", whom: "wrong-key",
			documented: "the key must be the admin key of this Heketi",
		},
		{
			name:    "more than there is",
			objects: claim("too-large", "gluster-replicate", "ReadWriteMany", "100Ti"),
			kind:    "PersistentVolumeClaim", whom: "too-large",
			documented: "No space",
		},
		{
			name:    "static volume misspelt",
			objects: staticVolume("datta", s.namespace, servers(), "datta") + pod("datta", "", "datta", 0),
			kind:    "Pod", whom: "datta",
			documented: "volume file not found on server: no such volume", said: []string{"datta"},
		},
		{
			name:    "servers misspelt",
			objects: staticVolume("lost", s.namespace, "gluster-1.invalid,gluster-2.invalid", "data") + pod("lost", "", "lost", 0),
			kind:    "Pod", whom: "lost",
			documented: "no GlusterFS server can be reached", said: []string{"gluster-1.invalid", "the node plugin's log"},
		},
		{
			name:    "mount option that is none",
			objects: strings.Replace(staticVolume("fast", s.namespace, servers(), "data"), "  csi:", "  mountOptions: [go-faster]\n  csi:", 1) + pod("fast", "", "fast", 0),
			kind:    "Pod", whom: "fast",
			documented: "mount flag", said: []string{"go-faster"},
		},
	}
}

// TestMistakes makes mistakes and reads the messages in the places where a user would look. docs/troubleshooting.md must explain
// each message.
func TestMistakes(t *testing.T) {
	theDriver(t)
	up(t, example(t, "storageclass-replicate.yaml"), "")
	s := newSpace(t, "mistakes")
	all := mistakes(s)
	for _, m := range all {
		if m.class != "" {
			s.class(m.class)
		}
		s.apply(m.objects)
	}
	s.apply(claim("growing", "gluster-replicate", "ReadWriteMany", "1Gi"))
	v := s.bound("growing")
	s.kubectl("patch", "pvc", "growing", "-p", `{"spec":{"resources":{"requests":{"storage":"100Ti"}}}}`)
	all = append(all, mistake{
		name: "growing further than there is", kind: "PersistentVolumeClaim", whom: "growing", documented: "Maximum number of bricks reached",
	})
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) { m.check(t, s) })
	}
	t.Run("and then growing less", func(t *testing.T) {
		growLess(t, &space{T: t, namespace: s.namespace}, v)
	})
}

// check waits for the message.
func (m mistake) check(t *testing.T, s *space) {
	t.Helper()
	if !documents.Explains(t, m.documented) {
		t.Errorf("docs/troubleshooting.md does not explain %q", m.documented)
	}
	var seen string
	eventually(t, func() error {
		seen = s.events(m.kind, m.whom)
		for line := range strings.Lines(seen) {
			if strings.HasPrefix(line, "Warning ") && strings.Contains(line, m.documented) &&
				!slices.ContainsFunc(m.said, func(part string) bool { return !strings.Contains(line, part) }) {
				return nil
			}
		}
		return fmt.Errorf("no event of %s %s contains %q and %q; there are:\n%s", m.kind, m.whom, m.documented, m.said, seen)
	})
	t.Logf("what a person sees at %s %s:\n%s", m.kind, m.whom, seen)
}
