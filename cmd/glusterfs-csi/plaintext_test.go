package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
)

// TestPlaintextIsLogged: one line names all backends, except those on this machine and those with TLS.
func TestPlaintextIsLogged(t *testing.T) {
	for urls, want := range map[string]int{
		"https://a:1 http://127.0.0.1:1": 0,
		"https://a:1 http://b:1":         1,
		"http://a:1 http://b:1":          1,
	} {
		var config heketi.Config
		for i, url := range strings.Fields(urls) {
			config.Backends = append(config.Backends, heketi.BackendConfig{Name: string(rune('a' + i)), URL: url})
		}
		backends, err := heketi.NewBackends(config, heketi.DefaultTiming())
		if err != nil {
			t.Fatal(err)
		}
		defer backends.Close()
		var out bytes.Buffer
		warnOfPlaintext((&logging.Options{}).NewLogger(&out), backends.All())
		log := out.String()
		if strings.Count(log, "\n") != want || want > 0 && (!strings.Contains(log, "Warning") || !strings.Contains(log, "http://b:1") || strings.Contains(log, "https://a:1")) {
			t.Errorf("%s: %q", urls, log)
		}
	}
}
