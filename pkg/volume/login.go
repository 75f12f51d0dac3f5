package volume

import (
	"net/url"
	"strings"
)

// login holds the parameters with which the in-tree plugin logged in to Heketi. They have no effect on this driver.
type login map[string]string

const (
	restAuthEnabled = "restauthenabled"
	restUser        = "restuser"
	restUserKey     = "restuserkey"
	secretNamespace = "secretNamespace"
	secretName      = "secretName"
	userInURL       = "user and password in resturl"
)

func (l *login) setter(key string) func(value string) error {
	return func(value string) error { l.set(key, value); return nil }
}

func (l *login) set(key, value string) {
	if value == "" && key != restAuthEnabled {
		return // an empty value is the same as absent, as in the in-tree plugin
	}
	if *l == nil {
		*l = login{}
	}
	(*l)[key] = value
}

// setURL returns resturl without user and password. They have no effect, because Heketi's client library overrides them.
func (l *login) setURL(raw string) string {
	bare, removed := WithoutLogin(raw)
	if removed {
		l.set(userInURL, "yes")
	}
	return bare
}

// WithoutLogin returns a URL without user and password, and reports whether it had them.
func WithoutLogin(raw string) (bare string, removed bool) {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw, false
	}
	u.User = nil
	return u.String(), true
}

// ignored returns the names of the login parameters that the class has. It returns ErrInvalid if the in-tree plugin would have
// refused the class as well.
func (l *login) ignored() ([]string, error) {
	given := *l
	enabled, known := given[restAuthEnabled]
	withLogin := !known || strings.EqualFold(enabled, "true") // otherwise the in-tree plugin ignores the other login parameters
	if (given[secretNamespace] == "") != (given[secretName] == "") && withLogin {
		return nil, Invalid(secretName, given[secretName], "must be given together with secretNamespace; this driver reads neither, so leave out both")
	}
	if known && len(given) == 1 {
		return nil, nil // the class asks for nothing that this driver would do differently
	}
	return sortedKeys(given), nil
}
