package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
)

// TestAttackFromThePodNetwork: what an attacker who can connect to gluster servers can do, and which of these attacks
// certificates prevent. The attacker's client is started by hand; a libgfapi client would need no privileges.
func TestAttackFromThePodNetwork(t *testing.T) {
	r := newRig(t)
	n, attacker := r.nodes[0], r.nodes[1]
	server := r.lab.Storage(2)
	ours := certificates.NewAuthority(r.T)
	r.cover(server, certificatesDir, ours.Issue("storage2"))
	r.cover(n.Machine, certificatesDir, ours.Issue("nodes"))
	open, closed := r.handMade("open"), r.handMade("closed")
	for option, value := range map[string]string{"client.ssl": "on", "server.ssl": "on", "auth.ssl-allow": "nodes"} {
		r.gluster(2, "volume", "set", "closed", option, value)
	}
	r.gluster(2, "volume", "stop", "closed") // a running brick does not switch to TLS
	r.gluster(2, "volume", "start", "closed")
	for _, name := range []string{"open", "closed"} {
		v := static(name, server.IP, name)
		target := r.publish(n, v, r.stage(n, v), false)
		r.write(n, "of root", target, "secret")
		r.ok(os.Chmod(r.inside(n, target, "secret"), 0o600), "make it root's")
	}
	withoutTLS := func(brick string) []string { return []string{"--volfile=" + r.volumeFile(server.IP, brick)} }
	for _, c := range []struct {
		name, volume string
		certificate  string // a directory with a certificate, or "" for none
		client       []string
		steals       bool
	}{
		{"a volume for all", "open", "", []string{"--volfile-server=" + server.IP, "--volfile-id=open"}, true},
		{"a volume for all, without asking glusterd for it", "open", "", withoutTLS(open), true},
		{"without a certificate", "closed", "", []string{"--volfile-server=" + server.IP, "--volfile-id=closed"}, false},
		{"without TLS", "closed", "", withoutTLS(closed), false},
		{"with a certificate of the attacker", "closed", certificates.NewAuthority(r.T).Issue("nodes"), []string{"--volfile-server=" + server.IP, "--volfile-id=closed"}, false},
		{"with another certificate of the authority", "closed", ours.Issue("others"), []string{"--volfile-server=" + server.IP, "--volfile-id=closed"}, false},
		{"with another certificate, without TLS", "closed", ours.Issue("others"), withoutTLS(closed), false},
		{"with a stolen certificate", "closed", ours.Issue("nodes"), []string{"--volfile-server=" + server.IP, "--volfile-id=closed"}, true},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			if c.certificate != "" {
				r.cover(attacker.Machine, certificatesDir, c.certificate)
			}
			if got, log := r.steal(attacker, "secret", c.client...); (got == "of root") != c.steals {
				t.Errorf("the attacker reads %q, the client's log:\n%s", got, log)
			}
		})
	}
}

// steal mounts with a separate client, and returns the content of a file and the client's log.
func (r *rig) steal(n *node, file string, client ...string) (content, log string) {
	r.Helper()
	dir := r.TempDir()
	mounted, logFile := filepath.Join(dir, "mounted"), filepath.Join(dir, "log")
	r.ok(os.Mkdir(mounted, 0o755), "make a directory")
	_, _ = r.command(n.Machine, "timeout", append([]string{"30", "glusterfs", "--log-file=" + logFile}, append(client, mounted)...)...)
	content, _ = r.command(n.Machine, "timeout", "30", "cat", filepath.Join(mounted, file))
	_, _ = r.command(n.Machine, "umount", "--lazy", mounted) // a client that no brick accepts has ended, or is about to
	r.notMounted(n, mounted)
	said, err := os.ReadFile(logFile)
	r.ok(err, "read the log of the attacker's client")
	return content, string(said)
}

// volumeFile writes a volume file that no server has given out: with it, the attacker's client connects to the brick without TLS.
func (r *rig) volumeFile(server, brick string) string {
	r.Helper()
	path := filepath.Join(r.TempDir(), "volfile")
	r.ok(os.WriteFile(path, fmt.Appendf(nil, `volume c
    type protocol/client
    option transport-type tcp
    option transport.socket.ssl-enabled off
    option remote-host %s
    option remote-subvolume %s
end-volume
`, server, brick), 0o600), "write a volume file")
	return path
}

// TestAttackOnGlusterd: every client that reaches port 24007 can list all volumes, unless glusterd requires TLS.
func TestAttackOnGlusterd(t *testing.T) {
	r := newRig(t)
	attacker, server := r.nodes[1].Machine, r.lab.Storage(2)
	r.handMade("listed")
	ask := []string{"gluster", "--mode=script", "--timeout=10", "--remote-host=" + server.IP, "volume", "list"}
	if out, err := r.command(attacker, ask[0], ask[1:]...); err != nil || !strings.Contains(out, "listed") {
		t.Fatalf("%q, %v: an attack that does not work proves nothing", out, err)
	}
	r.coverStorage(certificates.NewAuthority(r.T))
	r.gluster(2, "volume", "stop", "listed")
	r.glusterdWithTLS()
	r.gluster(2, "volume", "start", "listed")
	if out, err := r.command(attacker, ask[0], ask[1:]...); err == nil || strings.Contains(out, "listed") {
		t.Errorf("glusterd listed its volumes without TLS: %q, %v", out, err)
	}
}

// TestDoctorSeesWhatPodsReach: doctor runs as in a tenant's pod: as a user without any privilege on the node.
func TestDoctorSeesWhatPodsReach(t *testing.T) {
	r := newRig(t)
	r.handMade("reached")
	driver, err := filepath.Abs("../../build/bin/glusterfs-csi")
	r.ok(err, "find the driver")
	out, err := r.asNobody(r.nodes[1], driver, "doctor", "--from-pod="+r.lab.Storage(2).IP+","+r.nodes[0].IP, "--output=json")
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	var findings []report.Finding
	r.ok(json.Unmarshal([]byte(out), &findings), "read the findings")
	brick := regexp.MustCompile(`port 24007, .* and to port (49[1-9]|5|60)\d*, on which a brick`)
	if len(findings) != 2 || findings[0].Severity != report.Warning || !brick.MatchString(findings[0].Message) {
		t.Errorf("of a gluster server: %+v", findings)
	}
	if len(findings) != 2 || findings[1].Severity != report.OK || !strings.Contains(findings[1].Message, "(11848 of 11848 were tried)") {
		t.Errorf("of a machine without bricks: %+v", findings)
	}
}
