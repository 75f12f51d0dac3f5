package chart

import (
	"path/filepath"
	"strings"
	"testing"
)

// A backend's url may be a template, for charts that have the driver's chart as a subchart. All other templates use the rendered
// url.
func TestURLMayBeATemplate(t *testing.T) {
	const (
		url      = `{{ "http" }}://heketi.{{ .Release.Namespace }}.svc:8081` // helm's default namespace is default
		backends = "backends: [{name: a, url: '" + url + "', key: k}, {name: b, url: 'https://h:2', key: k}]\n"
	)
	values := backends + "networkPolicy: {enabled: true}\n" +
		"storageClasses: [{name: c, parameters: {resturl: 'http://heketi.default.svc:8081'}}]\n"
	rendered, err := template(t, values)
	if err != nil {
		t.Fatal(rendered)
	}
	for _, part := range []string{`url: "http://heketi.default.svc:8081"`, "port: 8081}"} {
		if !strings.Contains(rendered, part) {
			t.Errorf("nothing has %q", part)
		}
	}
	path := filepath.Join(t.TempDir(), "values.yaml")
	write(t, path, values)
	if said := notes(t, path); !strings.Contains(said, "the backend a has a url without TLS") || strings.Contains(said, "the backend b has a url") {
		t.Errorf("NOTES: %s", said)
	}
	refused(t, backends+"storageClasses: [{name: c, parameters: {resturl: 'http://heketi.x.svc:8081'}}]",
		"is the url of no backend; there are http://heketi.default.svc:8081, https://h:2")
}

func TestTemplatesOfURLsAreChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		values string
		says   []string
	}{
		"an address twice": {
			"backends: [{name: a, url: 'http://h.default'}, {name: b, url: 'http://h.{{ .Release.Namespace }}:80'}]",
			[]string{`backends[1].url: "http://h.default:80" is the address of backends[0]`},
		},
		"a path":            {"backends: [{name: a, url: 'http://h/{{ .Release.Name }}'}]", []string{`backends[0].url: "http://h/glusterfs-csi" must look like`}},
		"an unknown field":  {"backends: [{name: a, url: 'http://{{ .Release.Nothing.More }}'}]", []string{".Release.Nothing.More"}},
		"a password":        {"backends: [{name: a, url: 'http://u:hidden@{{ .Release.Name }}'}]", []string{"backends[0].url: (not shown"}},
		"half a template":   {"backends: [{name: a, url: 'http://{{ .Release.Name'}]", []string{"http://{{ .Release.Name"}},
		"half and password": {"backends: [{name: a, url: 'http://u:hidden@{{ .Release.Name'}]", []string{"backends[0].url: (not shown"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tt.values, tt.says...) })
	}
}
