package heketi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// configuration is a file that is replaced atomically, as Kubernetes does it.
type configuration struct {
	t    *testing.T
	path string
}

func (c configuration) write(content string) {
	c.t.Helper()
	next := c.path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(next, c.path); err != nil {
		c.t.Fatal(err)
	}
}

// bufferedLogger returns a logger, and a function that counts words in its output.
func bufferedLogger(t *testing.T) (logger klog.Logger, logs func(words string) int) {
	t.Helper()
	logger = ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	return logger, func(words string) int {
		return strings.Count(logger.GetSink().(ktesting.Underlier).GetBuffer().String(), words)
	}
}

func TestReload(t *testing.T) {
	const (
		a      = "- {name: a, url: 'http://a.example:8080'}\n"
		b      = "- {name: b, url: 'http://b.example:8080'}\n"
		moved  = "- {name: a, url: 'http://elsewhere.example:8080'}\n"
		prefix = "backends:\n"
	)
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	file.write(prefix + a)
	logger, logs := bufferedLogger(t)
	backends, err := OpenBackends(logger, file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	first, err := backends.Select("", "")
	if err != nil {
		t.Fatal(err)
	}

	file.write(prefix + a + b)
	added, err := backends.ByName("b")
	if err != nil {
		t.Fatalf("added: %v", err)
	}
	if same, err := backends.ByName("a"); same != first {
		t.Errorf("an unchanged backend was replaced: %v", err)
	}

	// An invalid file is logged once, however often it is read, and changes nothing.
	for range 3 {
		file.write("backends: what?")
		if all := backends.All(); len(all) != 2 || all[0] != first || all[1] != added {
			t.Errorf("after a wrong file: %s", names(all))
		}
	}
	if n := logs("cannot be used"); n != 1 {
		t.Errorf("the wrong file was logged %d times", n)
	}

	file.write(prefix + moved + "- {name: c, url: 'http://c.example'}\n")
	if _, err := backends.ByName("c"); err != nil {
		t.Error(err)
	}
	if _, err := backends.ByName("b"); err == nil {
		t.Error("a removed backend is still there")
	}
	if now, err := backends.Select("", "http://elsewhere.example:8080"); err != nil || now == first || now.Name() != "a" {
		t.Errorf("the changed backend is %v (%v)", now, err)
	}

	if err := os.Remove(file.path); err != nil {
		t.Fatal(err)
	}
	if all := backends.All(); len(all) != 2 {
		t.Errorf("after the file was removed: %s", names(all))
	}
}

// TestReloadAuthority replaces the content of caFile; the configuration itself does not change.
func TestReloadAuthority(t *testing.T) {
	old, next := httptest.NewTLSServer(hello()), httptest.NewUnstartedServer(hello())
	defer old.Close()
	defer next.Close()
	next.TLS = &tls.Config{Certificates: []tls.Certificate{ownCertificate(t)}}
	next.StartTLS()
	authority := configuration{t, filepath.Join(t.TempDir(), "ca.crt")}
	authority.write(certificateOf(old))
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	file.write("backends:\n- {name: old, url: '" + old.URL + "', caFile: '" + authority.path + "'}\n" +
		"- {name: next, url: '" + next.URL + "', caFile: '" + authority.path + "'}\n- {name: plain, url: 'http://a.example'}\n")
	logger, logs := bufferedLogger(t)
	backends, err := OpenBackends(logger, file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	answers := func(name string) error {
		t.Helper()
		b, err := backends.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Hello(t.Context())
		return err
	}
	plain, err := backends.ByName("plain")
	if err != nil {
		t.Fatal(err)
	}
	if err := answers("old"); err != nil {
		t.Error(err)
	}
	if err := answers("next"); err == nil {
		t.Error("a certificate of an authority that is not in caFile was accepted")
	}
	for _, wrong := range []string{"", "nonsense"} {
		authority.write(wrong)
		for range 2 {
			if err := answers("old"); err != nil {
				t.Errorf("with a wrong caFile the old authority stays: %v", err)
			}
		}
	}
	if n := logs("cannot be used"); n != 1 { // "nonsense" is as invalid as ""
		t.Errorf("wrong caFiles were logged %d times", n)
	}
	authority.write(certificateOf(next))
	if err := answers("next"); err != nil {
		t.Errorf("the new authority: %v", err)
	}
	if err := answers("old"); err == nil {
		t.Error("a certificate of the old authority is still accepted")
	}
	if same, err := backends.ByName("plain"); err != nil || same != plain {
		t.Errorf("a backend without caFile was replaced (%v)", err)
	}
}

func hello() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Hello from Heketi")) })
}

func certificateOf(server *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// ownCertificate returns a self-signed certificate; package httptest has only one.
func ownCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestOpenBackendsRefuses(t *testing.T) {
	logger := ktesting.NewLogger(t, ktesting.NewConfig())
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	if _, err := OpenBackends(logger, file.path, DefaultTiming()); err == nil {
		t.Error("a file that is not there: no error")
	}
	file.write("backends: []")
	if _, err := OpenBackends(logger, file.path, DefaultTiming()); err == nil {
		t.Error("no backends: no error")
	}
}
