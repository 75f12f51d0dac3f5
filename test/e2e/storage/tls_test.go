package storage

import (
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
)

// switchedToTLS upgrades the installation so that Heketi and all its clients speak TLS: the driver, heketi-cli, the sidecar, the
// CronJob and the setup Job. It is the last step, so that the teardown uses TLS, too.
func switchedToTLS(t *testing.T, i installed) {
	t.Helper()
	authority := certificates.NewAuthority(t)
	dir := authority.IssueNames("heketi."+namespace+".svc", "localhost")
	file := func(key, name string) string { return "--from-file=" + key + "=" + filepath.Join(dir, name) }
	i.in("create", "secret", "generic", "heketi-tls", "--type=kubernetes.io/tls", file("tls.crt", certificates.CertificateFile), file("tls.key", certificates.KeyFile),
		file("ca.crt", certificates.AuthorityFile))
	const backend = "glusterfs-csi.backends[0]."
	i.upgrade(firstNodes(lab.BareDevices()), "heketi.tls.existingSecret=heketi-tls", backend+"name=storage", backend+"url=https://heketi."+namespace+".svc:8080",
		backend+"existingSecret.name=heketi-keys", backend+"existingSecret.key=admin", backend+"caBundle="+authority.PEM())
	i.heketi("volume", "list")
	i.in("create", "job", "copy-over-tls", "--from=cronjob/heketi-backup")
	i.in("wait", "--for=condition=Complete", "job/copy-over-tls", patience)
	canMakeVolumes(t, "over-tls")
}
