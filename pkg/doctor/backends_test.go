package doctor

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

func TestHealthy(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	s := newSite()
	s.volume(id(0x10), id(1), ourName("pvc-1"), "")
	s.serve(t, server, nil)
	path := configFile(t, heketitest.DefaultKey, one(server.URL))
	findings := Run(t.Context(), Config{ConfigFile: path, Prober: prober()})
	if code := report.ExitCode(findings); code != 0 {
		t.Errorf("exit code %d", code)
	}
	printed := golden(t, "healthy.txt", findings, server.URL, "http://heketi:8080", path, "config.yaml")
	documents.Printed(t, "tutorial.md", "", printed, "ok backend ", "0 critical, ")
}

func TestDamaged(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	s := newSite()
	s.node(id(0xa3), "10.0.0.3", "offline")
	s.device(id(0xd4), id(0xa1), "failed", 100<<20)
	s.cluster(id(2), false)
	s.volume(id(0x10), id(1), ourName("pvc-1"), "")
	s.volume(id(0x11), id(2), ourName("pvc-1"), "")
	s.volume(id(0x12), id(1), ourName("pvc-2"), id(0xe1))
	s.operations[id(0xe1)] = object{"Status": "stale"}
	s.serve(t, server, []object{
		{"id": id(0xe1), "type_name": "create-volume", "status": "stale"},
		{"id": id(0xe2), "type_name": "delete-volume", "status": "failed"},
		{"id": id(0xe3), "type_name": "expand-volume", "status": ""},
	}, "Volume f00 in cluster 1 does not exist")
	path := configFile(t, heketitest.DefaultKey, one(server.URL))
	findings := Run(t.Context(), Config{ConfigFile: path, Prober: prober("10.0.0.2")})
	if code := report.ExitCode(findings); code != 2 {
		t.Errorf("exit code %d", code)
	}
	golden(t, "damaged.txt", findings, server.URL, "http://heketi:8080", path, "config.yaml")
}

// Faulty answers of a Heketi, and the findings about them.
func TestBackend(t *testing.T) {
	tests := []struct {
		name     string
		key      string
		change   func(*heketitest.Server)
		check    string
		severity report.Severity
		says     string
		remedy   string
		last     bool // there are no findings about the database
	}{
		{"wrong key", "another key", nil, "heketi-key", report.Critical, "signature is invalid", "admin key", true},
		{"no key but one is wanted", "", nil, "heketi-key", report.Warning, "requires a key", "keyFile", true},
		{"not a Heketi", heketitest.DefaultKey, func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /hello", Status: 200, Body: "<html>"})
		}, "heketi-reachable", report.Critical, "not a Heketi", "", true},
		{"not found", heketitest.DefaultKey, func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /hello", Status: 404, Body: "404 page not found"})
		}, "heketi-reachable", report.Critical, "404", "Heketi server", true},
		{"connection cut", heketitest.DefaultKey, func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /hello", Drop: true})
		}, "heketi-reachable", report.Critical, "EOF", "", true},
		{"empty database", heketitest.DefaultKey, (*heketitest.Server).EmptyDatabase, "heketi-database", report.Critical, "has no cluster", "restore", true},
		{"no dump", heketitest.DefaultKey, func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: 200, Body: "{}"})
		}, "heketi-database", report.Critical, "not a dump", "", false},
		{"no database check", heketitest.DefaultKey, func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /db/check", Status: 200, Body: "{}"})
		}, "heketi-database", report.Warning, "no result of a database check", "", false},
		{"no operations", heketitest.DefaultKey, func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Status: 500, Body: "broken"})
		}, "heketi-operations", report.Warning, "broken", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := heketitest.New(t, heketitest.NewCluster())
			if tt.change != nil {
				tt.change(server) // the first matching fault counts
			}
			newSite().serve(t, server, nil)
			findings := Run(t.Context(), Config{ConfigFile: configFile(t, tt.key, one(server.URL)), Prober: prober()})
			found := find(findings, tt.check)
			if len(found) == 0 || found[0].Severity != tt.severity || !strings.Contains(found[0].Message, tt.says) || !strings.Contains(found[0].Remedy, tt.remedy) {
				t.Errorf("%+v", findings)
			}
			if told := len(find(findings, "heketi-volumes"))+len(find(findings, "heketi-operations")) > 0; told == tt.last {
				t.Errorf("the examination went on: %t: %+v", told, findings)
			}
			for _, f := range findings {
				if tt.key != "" && strings.Contains(f.Message+f.Remedy+strings.Join(f.Commands, ""), tt.key) {
					t.Errorf("the key is told: %+v", f)
				}
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	findings := find(Run(t.Context(), Config{ConfigFile: configFile(t, "k", one(gone.URL))}), "heketi-reachable")
	if len(findings) != 1 || findings[0].Severity != report.Critical || !strings.Contains(findings[0].Remedy, "is Heketi running") {
		t.Errorf("%+v", findings)
	}
}

func TestMuteHeketiIsGivenUp(t *testing.T) {
	ended := make(chan struct{})
	mute := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	defer mute.Close()
	defer close(ended)
	findings := find(Run(t.Context(), Config{ConfigFile: configFile(t, "k", one(mute.URL)), Limit: 50 * time.Millisecond}), "heketi-reachable")
	if len(findings) != 1 || findings[0].Severity != report.Critical || !strings.Contains(findings[0].Message, "no complete answer") &&
		!strings.Contains(findings[0].Message, "timeout") {
		t.Errorf("%+v", findings)
	}
}

func TestClock(t *testing.T) {
	tests := []struct {
		ahead    time.Duration
		severity report.Severity
		says     string
	}{
		{0, report.OK, "agrees"},
		{time.Minute, report.OK, "ahead of"},
		{3 * time.Minute, report.Warning, "ahead of"},
		{6 * time.Minute, report.Critical, "5m0s ahead or 2m0s behind"},
		{-30 * time.Second, report.OK, "behind"},
		{-90 * time.Second, report.Warning, "behind"},
		{-3 * time.Minute, report.Critical, "behind"},
	}
	for _, tt := range tests {
		server := heketitest.New(t, heketitest.NewCluster())
		newSite().serve(t, server, nil)
		target, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
			ModifyResponse: func(r *http.Response) error {
				r.Header.Set("Date", time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat))
				return nil
			},
		}
		skewed := httptest.NewServer(proxy)
		findings := find(Run(t.Context(), Config{ConfigFile: configFile(t, heketitest.DefaultKey, one(skewed.URL)), Prober: prober()}), "heketi-clock")
		skewed.Close()
		if len(findings) != 1 || findings[0].Severity != tt.severity || !strings.Contains(findings[0].Message, tt.says) {
			t.Errorf("%s: %+v", tt.ahead, findings)
		}
	}
}

func TestOneHeketiUnderTwoNames(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	newSite().serve(t, server, nil)
	other := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	path := configFile(t, heketitest.DefaultKey, map[string]string{"a": server.URL, "b": other})
	found := find(Run(t.Context(), Config{ConfigFile: path, Prober: prober()}), "configuration")
	if len(found) != 2 || found[0].Severity != report.Warning || found[0].Subject != "backends a, b" {
		t.Errorf("%+v", found)
	}
}

// TestRunningOperations: operations in flight are not reported as leftovers.
func TestRunningOperations(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	newSite().serve(t, server, []object{{"id": id(0xe3), "type_name": "expand-volume", "status": ""}})
	found := find(Run(t.Context(), Config{ConfigFile: configFile(t, heketitest.DefaultKey, one(server.URL)), Prober: prober()}), "heketi-operations")
	if len(found) != 1 || found[0].Severity != report.Info || found[0].Message != "1 operation under way" {
		t.Errorf("%+v", found)
	}
}

// TestPlaintext: requests to a Heketi on another machine should use TLS, whether or not it answers.
func TestPlaintext(t *testing.T) {
	for url, want := range map[string]int{"http://192.0.2.1:8080": 1, "https://192.0.2.1:8080": 0, "http://127.0.0.1:1": 0} {
		config := Config{ConfigFile: configFile(t, "k", one(url)), Limit: time.Millisecond}
		findings := Run(t.Context(), config)
		found := find(findings, "heketi-plaintext")
		if len(found) != want || want > 0 && (found[0].Severity != report.Warning || !strings.Contains(found[0].Remedy, "https")) {
			t.Errorf("%s: %+v", url, found)
		}
		if len(find(findings, "heketi-reachable")) != 1 {
			t.Errorf("%s: %+v", url, findings)
		}
	}
}
