package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
)

// TestBrickTLS mounts a volume whose bricks accept only TLS. As in the chart's Secret mount, the directory contains only the
// certificates.
func TestBrickTLS(t *testing.T) {
	r := newRig(t)
	n, other := r.nodes[0], r.nodes[1]
	brick := r.handMade("encrypted")
	ours := certificates.NewAuthority(r.T)
	r.cover(r.lab.Storage(2), certificatesDir, ours.Issue("storage2"))
	r.cover(n.Machine, certificatesDir, ours.Issue("node1"))
	for option, value := range map[string]string{"client.ssl": "on", "server.ssl": "on", "auth.ssl-allow": "node1"} {
		r.gluster(2, "volume", "set", "encrypted", option, value)
	}
	r.gluster(2, "volume", "stop", "encrypted") // a running brick does not switch to TLS
	r.gluster(2, "volume", "start", "encrypted")

	v := static("encrypted", r.lab.Storage(2).IP, "encrypted")
	target := r.publish(n, v, r.stage(n, v), false)
	r.write(n, "data", target, "file")
	if data, err := os.ReadFile(filepath.Join(brick, "file")); string(data) != "data" {
		r.Errorf("the brick has %q, %v", data, err)
	}
	for _, c := range []struct {
		name   string
		covers map[string]string // directories of the node to cover
		says   string
	}{
		{"no certificate", nil, "TLS failed"},
		{"certificate of another authority", map[string]string{certificatesDir: certificates.NewAuthority(r.T).Issue("node1")}, "TLS failed"},
		{"certificate that the volume does not allow", map[string]string{certificatesDir: ours.Issue("node2")}, "auth.ssl-allow"},
		{"TLS to a glusterd without", map[string]string{certificatesDir: ours.Issue("node1"), markerDir: r.marker()}, "TLS at both sides"},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			for over, dir := range c.covers {
				r.cover(other.Machine, over, dir)
			}
			r.cannotStage(other, v, c.says)
		})
	}
	r.read(n, "data", target, "file")
}

// TestBrickTLSOfAClass creates such a volume through a StorageClass.
func TestBrickTLSOfAClass(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	ours := certificates.NewAuthority(r.T)
	r.coverStorage(ours)
	v := r.create(createRequest(map[string]string{"volumeoptions": "client.ssl on, server.ssl on"}))
	r.cannotStage(n, v, "TLS failed")
	r.cover(n.Machine, certificatesDir, ours.Issue("node1"))
	target := r.publish(n, v, r.stage(n, v), false)
	r.write(n, "data", target, "file")
	if found := r.onBricks(r.mustGlusterVolume(nameOf(v)), "file", "data"); found != 3 {
		r.Errorf("the file is on %d bricks, want 3", found)
	}
	if out := r.gluster(2, "volume", "heal", nameOf(v), "info"); strings.Count(out, "Status: Connected") != 3 {
		r.Errorf("the servers do not reach each other's bricks:\n%s", out)
	}
}

// TestGlusterdTLS mounts while glusterd, too, accepts only TLS, on all servers.
func TestGlusterdTLS(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	brick := r.handMade("managed")
	ours := certificates.NewAuthority(r.T)
	r.coverStorage(ours)
	r.gluster(2, "volume", "stop", "managed") // a running brick would not find its glusterd again
	r.glusterdWithTLS()
	r.gluster(2, "volume", "start", "managed")

	v := static("managed", r.lab.Storage(2).IP, "managed")
	r.cannotStage(n, v, "TLS at both sides")
	r.cover(n.Machine, markerDir, r.marker())
	r.cannotStage(n, v, "TLS at both sides")
	r.cover(n.Machine, certificatesDir, ours.Issue("node1"))
	target := r.publish(n, v, r.stage(n, v), false)
	r.write(n, "data", target, "file")
	if data, err := os.ReadFile(filepath.Join(brick, "file")); string(data) != "data" {
		r.Errorf("the brick has %q, %v", data, err)
	}
}

// cannotStage checks that staging fails with the reason, and that nothing is left.
func (r *rig) cannotStage(n *node, v *csi.Volume, says string) {
	r.Helper()
	staging := r.directory(n)
	_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging))
	r.refused(err, codes.Unavailable, says)
	r.notMounted(n, staging)
	r.noClient(n, nameOf(v))
	r.unstage(n, v, staging)
}

// coverStorage gives a certificate to each storage machine.
func (r *rig) coverStorage(a *certificates.Authority) {
	r.Helper()
	for i := 1; i <= lab.StorageNodes; i++ {
		r.cover(r.lab.Storage(i), certificatesDir, a.Issue(r.lab.Storage(i).Name))
	}
}

// glusterdWithTLS restarts glusterd on all storage machines, with TLS until the test ends.
func (r *rig) glusterdWithTLS() {
	r.Helper()
	markers := make([]string, lab.StorageNodes)
	for i := range markers {
		markers[i] = filepath.Join(r.lab.Dir(), r.lab.Storage(i+1).Name, "glusterd", markerFile)
	}
	r.Cleanup(func() {
		for _, marker := range markers {
			r.ok(os.RemoveAll(marker), "remove the marker")
		}
		r.restartGlusterd()
	})
	for _, marker := range markers {
		r.ok(os.WriteFile(marker, nil, 0o600), "write the marker")
	}
	r.restartGlusterd()
}

// restartGlusterd restarts glusterd on all storage machines.
func (r *rig) restartGlusterd() {
	r.Helper()
	for i := 1; i <= lab.StorageNodes; i++ {
		r.ok(r.lab.Storage(i).RestartGlusterd(r.ctx(commandLimit)), "restart glusterd")
	}
	r.peersConnect()
}
