package volume

import (
	"net/url"
	"strings"
)

// NormalizeURL checks the URL of a Heketi server, and returns a form that is the same for all spellings of one address. The error
// names the URL by the parameter field.
//
// A path is refused: Heketi's signatures cover the path as Heketi sees it, so a prefix that a proxy adds cannot work (heketi:
// middleware/jwt.go, qsh claim). A trailing slash is removed: it would lead to a redirection, which turns a POST into a GET.
func NormalizeURL(field, raw string) (string, error) {
	const allowed = "must look like http://host:8080 or https://host:8080, without path, query or credentials"
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.Trim(u.Path, "/") != "" {
		return "", Invalid(field, redacted(u, raw), allowed)
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme != "http" && scheme != "https" {
		return "", Invalid(field, raw, allowed)
	}
	host := strings.ToLower(u.Host)
	defaultPort := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return scheme + "://" + strings.TrimSuffix(host, defaultPort), nil
}

// redacted returns the URL for an error, without a password, even if the URL cannot be parsed because of the password.
func redacted(u *url.URL, raw string) string {
	switch {
	case u != nil && u.User != nil:
		return u.Redacted()
	case strings.Contains(raw, "@"):
		return "(not shown, since it may hold a password)"
	}
	return raw
}
