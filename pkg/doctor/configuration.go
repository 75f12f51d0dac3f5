package doctor

import (
	"errors"
	"os"
	"regexp"

	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// configuration reads the configuration file as the driver does. If the driver would refuse the file, configuration still returns
// the backends whose own entries are valid: the more doctor can check in a broken set-up, the better.
func (c checker) configuration(path string) ([]*heketi.Backend, []report.Finding) {
	subject := "configuration " + path
	config, err := heketi.LoadConfig(path)
	var findings []report.Finding
	if err != nil {
		for _, e := range flatten(err) {
			findings = append(findings, report.Finding{
				Severity: report.Critical, Check: "configuration", Subject: subject, Message: redact(e.Error()),
				Remedy: "correct the file. A running driver keeps its old configuration; a driver that starts with this file ends at once",
			})
		}
		config = readLoosely(path)
	}
	var backends []*heketi.Backend
	unreadable := false
	for _, entry := range config.Backends {
		one, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{entry}}, c.timing())
		if err != nil {
			continue // this error is among the findings above
		}
		backends = append(backends, one.All()...)
		for _, err := range one.All()[0].FileErrors() {
			unreadable = true
			findings = append(findings, report.Finding{
				Severity: report.Critical, Check: "configuration", Subject: backendreport.Subject(one.All()[0]), Message: redact(err.Error()),
				Remedy: "correct the file; the driver uses it as soon as it can be read. Other backends work meanwhile",
			})
		}
	}
	if err == nil && !unreadable {
		findings = append(findings, report.Finding{
			Severity: report.OK, Check: "configuration", Subject: subject,
			Message: plain.Plural(len(config.Backends), "backend") + ", entries and files are right",
		})
	}
	return backends, findings
}

// readLoosely reads the configuration and ignores errors.
func readLoosely(path string) heketi.Config {
	var config heketi.Config
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return config
	}
	raw, _ := os.ReadFile(path) // #nosec G304 -- the administrator names this file
	_ = yaml.Unmarshal(raw, &config)
	return config
}

// flatten returns the errors that errors.Join has joined, without a common prefix that was added to the joined error.
func flatten(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		joined, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		parts := joined.Unwrap()
		all := make([]error, 0, len(parts))
		for _, part := range parts {
			all = append(all, flatten(part)...)
		}
		return all
	}
	return []error{err}
}

var userInfo = regexp.MustCompile(`://[^/@]*@`)

// redact removes a password from a URL that is too malformed to be parsed.
func redact(text string) string { return userInfo.ReplaceAllString(text, "://(not shown)@") }
