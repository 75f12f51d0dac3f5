package integration_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// onLoopback issues the files of a server on the loopback address.
func onLoopback(a *certificates.Authority) (certificate, key, authority string) {
	dir := a.Issue("heketi", net.IPv4(127, 0, 0, 1))
	return filepath.Join(dir, certificates.CertificateFile), filepath.Join(dir, certificates.KeyFile), filepath.Join(dir, certificates.AuthorityFile)
}

// TestHeketiWithTLS uses a Heketi whose certificate comes from a private authority.
func TestHeketiWithTLS(t *testing.T) {
	server := labtest.MockHeketi(t)
	plain := server.URL
	certFile, keyFile, right := onLoopback(certificates.NewAuthority(t))
	_, _, wrong := onLoopback(certificates.NewAuthority(t))
	if err := server.UseTLS(t.Context(), certFile, keyFile, right); err != nil {
		t.Fatal(err)
	}
	c := newController(t, "url: "+server.URL, "caFile: "+right)

	v := c.mustCreate("pvc-tls", nil)
	id := strings.TrimPrefix(v.GetVolumeId(), "mock/")
	if found := volumesIn(t, server); !strings.Contains(found, id) {
		t.Errorf("Heketi has %q, want %s", found, id)
	}

	c.configure("url: "+server.URL, "caFile: "+wrong)
	_, err := c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, `heketi "mock"`, "unknown authority", "set the backend's caFile")
	c.configure("url: " + server.URL)
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "unknown authority", "set the backend's caFile")
	c.configure("url: " + plain)
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "HTTP request to an HTTPS server", "url must begin with https")
	c.configure("url: "+strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "caFile: "+right)
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "certificate does not fit the backend's url")
	if found := volumesIn(t, server); strings.Count(found, "Id:") != 1 {
		t.Errorf("Heketi has %q, want one volume", found)
	}

	// The authority is replaced in its file, as cert-manager does, and Heketi's certificate after it.
	c.configure("url: "+server.URL, "caFile: "+right)
	again := c.mustCreate("pvc-tls", nil)
	if again.GetVolumeId() != v.GetVolumeId() {
		t.Errorf("the volume was %s and is %s", v.GetVolumeId(), again.GetVolumeId())
	}
	next := certificates.NewAuthority(t)
	certFile, keyFile, authority := onLoopback(next)
	if err := server.UseTLS(t.Context(), certFile, keyFile, authority); err != nil {
		t.Fatal(err)
	}
	_, err = c.create("pvc-tls", nil)
	c.refused(err, codes.Unavailable, "unknown authority")
	if err := os.WriteFile(right, []byte(next.PEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.mustDelete(v.GetVolumeId())
	if found := volumesIn(t, server); strings.TrimSpace(found) != "" {
		t.Errorf("Heketi has %q, want none", found)
	}
}
