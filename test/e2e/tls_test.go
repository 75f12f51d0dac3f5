package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
)

// encryptedClass is the class in docs/install.md.
const encryptedClass = `---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: encrypted}
provisioner: ` + driver.Name + `
parameters: {backend: ` + driver.Backend + `, volumetype: "replicate:3", volumeoptions: "client.ssl on, server.ssl on"}
`

// Messages that docs/troubleshooting.md explains.
const (
	tlsFailed = "TLS failed"
	brokenOff = "no GlusterFS server can be reached"
)

// tlsSecret is the name of the Secret in docs/install.md.
const tlsSecret = "gluster-tls"

// TestTLSToBricks uses a volume whose bricks accept only TLS, with certificates for the node plugins in a Secret.
func TestTLSToBricks(t *testing.T) {
	d := theDriver(t)
	ours := certificates.NewAuthority(t)
	coverStorage(t, ours)
	s := newSpace(t, "encrypted")
	s.class(encryptedClass)
	s.apply(claim("data", "encrypted", "ReadWriteMany", "1Gi"))
	volume := s.bound("data").gluster()
	s.cannotMount("no-certificate", tlsFailed)

	undoNodePlugins(t, d)
	files := ours.Issue("nodes")
	tlsFiles(t, files)
	ok(t, d.Upgrade(t.Context(), "node.tls.existingSecret="+tlsSecret))
	replaceNodePlugins(t, d, "node1")
	s.apply(writer("writer", "node1"))
	s.running("writer")
	s.in("writer", "echo secret > /data/file")
	onBricks(t, volume, "file", "secret\n")
	for _, address := range brickAddresses(t, volume) {
		wantsOurCertificate(t, address, ours, files)
	}
	s.cannotMount("plugin-of-before", tlsFailed)

	tlsFiles(t, certificates.NewAuthority(t).Issue("nodes"))
	replaceNodePlugins(t, d, "node2")
	s.cannotMount("other-authority", tlsFailed)
	s.goesOn("writer", s.lines("writer")) // its client has read its certificate long ago

	// Clients that start after the kubelet has written the Secret's new content use it, without a restart of the node plugin.
	tlsFiles(t, ours.Issue("nodes"))
	written(t, nodePlugin(t, "node2"))
	waitForFiles(t, "node2", ours)
	s.apply(writer("reader", "node2"))
	s.running("reader")
	if got := s.in("reader", "cat /data/file"); got != "secret\n" {
		t.Errorf("the other node reads %q", got)
	}
	s.kubectl("delete", "pods", "--all", patience)
}

// TestTLSToGlusterd uses servers whose glusterds, too, accept only TLS.
func TestTLSToGlusterd(t *testing.T) {
	d := theDriver(t)
	ours := certificates.NewAuthority(t)
	coverStorage(t, ours)
	glusterdWithTLS(t)
	s := newSpace(t, "managed")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi"))
	volume := s.bound("data").gluster()
	s.cannotMount("no-marker", brokenOff)

	undoNodePlugins(t, d)
	files := ours.Issue("nodes")
	tlsFiles(t, files)
	ok(t, d.Upgrade(t.Context(), "node.tls.existingSecret="+tlsSecret, "node.tls.managementEncryption=true"))
	replaceNodePlugins(t, d, "node1")
	s.apply(writer("writer", "node1"))
	s.running("writer")
	s.in("writer", "echo data > /data/file")
	onBricks(t, volume, "file", "data\n")
	for i := 1; i <= lab.StorageNodes; i++ {
		wantsOurCertificate(t, net.JoinHostPort(cluster.Lab().Storage(i).IP, "24007"), ours, files)
	}
	s.cannotMount("plugin-of-before", brokenOff)

	tlsFiles(t, certificates.NewAuthority(t).Issue("nodes"))
	replaceNodePlugins(t, d, "node2")
	s.cannotMount("other-authority", tlsFailed)
	s.goesOn("writer", s.lines("writer"))
	s.kubectl("delete", "pods", "--all", patience)
}

// cannotMount starts a pod on node2, whose mount must fail: one of its events gives the reason in words that
// docs/troubleshooting.md explains.
func (s *space) cannotMount(name, why string) {
	s.Helper()
	if !documents.Explains(s.T, why) {
		s.Errorf("docs/troubleshooting.md does not explain %q", why)
	}
	s.apply(pod(name, "node2", "data", 0))
	var events string
	eventually(s.T, func() error {
		events = s.events("Pod", name)
		if !strings.Contains(events, "Warning FailedMount") || !strings.Contains(events, why) {
			return fmt.Errorf("the events of pod %s do not say %q:\n%s", name, why, events)
		}
		return nil
	})
	s.Logf("pod %s:\n%s", name, events)
	s.kubectl("delete", "pod", name, patience)
}

// tlsFiles stores a machine's files in the Secret of the node plugins, as docs/install.md says. The Secret is deleted when the
// test ends.
func tlsFiles(t *testing.T, dir string) {
	t.Helper()
	from := func(file string) string { return "--from-file=" + filepath.Join(dir, file) }
	up(t, inDriver(t, "create", "secret", "generic", tlsSecret, "--dry-run=client", "--output=yaml",
		from(certificates.CertificateFile), from(certificates.KeyFile), from(certificates.AuthorityFile)), "")
}

// written makes a kubelet sync a pod immediately instead of within a minute, so that it writes the changes of the pod's Secrets
// and ConfigMaps.
func written(t *testing.T, pod string) {
	t.Helper()
	inDriver(t, "annotate", "pod", pod, "--overwrite", "e2e="+time.Now().Format("150405.000"))
}

// waitForFiles waits until the node plugin of a node sees the files of this authority.
func waitForFiles(t *testing.T, node string, a *certificates.Authority) {
	t.Helper()
	eventually(t, func() error {
		got, err := cluster.Kubectl(t.Context(), "exec", nodePlugin(t, node), "--namespace="+driver.Namespace, "--container=glusterfs-csi",
			"--", "cat", filepath.Join(certificatesDir, certificates.AuthorityFile))
		if err == nil && got != a.PEM() {
			err = fmt.Errorf("the node plugin of %s still has other certificates", node)
		}
		return err
	})
}
