package heketi

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestPlaintext(t *testing.T) {
	for url, want := range map[string]bool{
		"http://heketi:8080": true, "http://10.0.0.1:8080": true, "http://[fd00::1]:8080": true, "HTTP://Heketi": true,
		"http://localhost.example": true, "http://127.example:1": true, "http://128.0.0.1": true,
		"https://heketi:8080": false, "http://localhost:8080": false, "http://127.0.0.1:8080": false, "http://127.9.9.9": false,
		"http://[::1]:8080": false, "http://[::ffff:127.0.0.1]:1": false,
	} {
		backends, err := NewBackends(Config{Backends: []BackendConfig{{Name: "a", URL: url}}}, DefaultTiming())
		if err != nil {
			t.Fatal(err)
		}
		if got := backends.All()[0].Plaintext(); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
		backends.Close()
	}
}

// TestTheKeyIsNotSent: requests do not contain the key.
func TestTheKeyIsNotSent(t *testing.T) {
	const key = "hunter2-topsecret"
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		sent, err := httputil.DumpRequest(r, true)
		for _, form := range []string{key, base64.StdEncoding.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(key))} {
			if err != nil || strings.Contains(string(sent), form) {
				t.Errorf("the request has the key: %v\n%s", err, sent)
			}
		}
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer server.Close()
	for name, call := range everyCall(t.Context()) {
		client := newTestClient(t, BackendConfig{URL: server.URL, KeyFile: writeFile(t, "key", key)}, DefaultTiming())
		before := requests.Load()
		if err := call(client); err == nil || requests.Load() == before {
			t.Errorf("%s: %v, %d requests", name, err, requests.Load()-before)
		}
	}
}

// TestTLSIsNotWeakened: a server in between that uses an old version, or a certificate for another name, is refused.
func TestTLSIsNotWeakened(t *testing.T) {
	for name, tt := range map[string]struct {
		newest uint16
		host   string // instead of the server's address
		works  bool
	}{
		"TLS 1.2":      {tls.VersionTLS12, "127.0.0.1", true},
		"TLS 1.1":      {tls.VersionTLS11, "127.0.0.1", false},
		"another name": {tls.VersionTLS13, "localhost", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"clusters":["c1"]}`)
			}))
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tt.newest} //nolint:gosec // the old one is the test
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			ca := writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
			url := strings.Replace(server.URL, "127.0.0.1", tt.host, 1)
			_, err := newTestClient(t, BackendConfig{URL: url, CAFile: ca}, DefaultTiming()).Clusters(t.Context())
			if tt.works != (err == nil) || err != nil && !errors.Is(err, volume.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
}
