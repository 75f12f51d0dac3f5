package heketi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	defaultUser = "admin"
	// defaultMaxInFlight is Heketi's own limit (heketi: apps/glusterfs/app.go, DEFAULT_OP_LIMIT). Heketi would refuse more.
	defaultMaxInFlight = 8
	largestMaxInFlight = 256
	largestConfig      = 1 << 20
)

// Config is the content of the driver's configuration file.
type Config struct {
	Backends []BackendConfig `json:"backends"`
}

// BackendConfig describes one Heketi server. The key is read from its file at every use, so that it may be changed while the
// driver runs. A key file or CA file that cannot be read is not an error of the configuration: it disables this backend only.
type BackendConfig struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	User        string `json:"user,omitempty"`        // default admin
	KeyFile     string `json:"keyFile,omitempty"`     // absent: keys come with requests, or Heketi needs none
	CAFile      string `json:"caFile,omitempty"`      // PEM; absent: the system's authorities
	MaxInFlight int    `json:"maxInFlight,omitempty"` // default 8
	// Clusters are ids of Heketi clusters that identify its database: a Heketi that lacks one of them is refused, because it has
	// another database. The ids do not restrict where volumes lie. Absent: any database is accepted.
	Clusters []string `json:"clusters,omitempty"`
	// Adopt allows volumes whose handles end in /adopted to be deleted and expanded. Absent: true.
	Adopt *bool `json:"adopt,omitempty"`
	// VolumeNamePrefix distinguishes the volumes of this installation from those of others that use the same Heketi. The names of
	// new volumes begin with it. A volume that a driver has made is deleted and expanded only if its name has the prefix. Absent:
	// no prefix.
	VolumeNamePrefix string `json:"volumeNamePrefix,omitempty"`
}

// LoadConfig reads the configuration file, fills in defaults and checks it.
func LoadConfig(path string) (Config, error) {
	raw, err := readSmallFile(path, largestConfig)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	var config Config
	if err := yaml.UnmarshalStrict(raw, &config); err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	if err := config.complete(); err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return config, nil
}

// complete fills in defaults and normalises URLs. It reports all mistakes.
func (c *Config) complete() error {
	if len(c.Backends) == 0 {
		return volume.Invalid("backends", "", "must list at least one Heketi server with name and url")
	}
	var errs []error
	names, urls := map[string]string{}, map[string]string{}
	for i := range c.Backends {
		b := &c.Backends[i]
		field := fmt.Sprintf("backends[%d]", i)
		errs = append(errs, b.complete(field))
		errs = append(errs, unique(names, field+".name", b.Name), unique(urls, field+".url", b.URL))
	}
	return errors.Join(errs...)
}

func unique(seen map[string]string, field, value string) error {
	if value == "" {
		return nil // complete has reported it
	}
	if first, ok := seen[value]; ok {
		return volume.Invalid(field, value, "must be different from "+first)
	}
	seen[value] = field
	return nil
}

func (b *BackendConfig) complete(field string) error {
	var errs []error
	if !volume.ValidBackendName(b.Name) {
		errs = append(errs, volume.Invalid(field+".name", b.Name,
			"must be 1 to 63 lower-case letters, digits, dots and hyphens; every volume handle begins with it, so it can never change"))
	}
	url, err := volume.NormalizeURL(field+".url", b.URL)
	if err == nil {
		b.URL = url
	}
	errs = append(errs, err)
	if b.User == "" {
		b.User = defaultUser
	}
	errs = append(errs, checkUser(field+".user", b.User))
	if b.MaxInFlight == 0 {
		b.MaxInFlight = defaultMaxInFlight
	}
	if b.MaxInFlight < 1 || b.MaxInFlight > largestMaxInFlight {
		errs = append(errs, volume.Invalid(field+".maxInFlight", strconv.Itoa(b.MaxInFlight),
			fmt.Sprintf("must be a number from 1 to %d", largestMaxInFlight)))
	}
	errs = append(errs, checkNamePrefix(field+".volumeNamePrefix", b.VolumeNamePrefix))
	errs = append(errs, b.checkClusters(field+".clusters"))
	return errors.Join(errs...)
}

// checkNamePrefix also refuses a prefix that begins with csi-. A volume without a prefix is named csi-NAMESPACE_CLAIM-DIGEST, and
// looks as if it had the prefix csi-NAMESPACE if the claim's name begins with csi-.
func checkNamePrefix(field, prefix string) error {
	if prefix == "" || volume.ValidNamePrefix(prefix) && !strings.HasPrefix(prefix, "csi-") {
		return nil
	}
	return volume.Invalid(field, prefix, volume.AllowedNamePrefix+" or csi-")
}

func (b *BackendConfig) checkClusters(field string) error {
	var errs []error
	seen := map[string]string{}
	for i, id := range b.Clusters {
		field := fmt.Sprintf("%s[%d]", field, i)
		if !volume.ValidHeketiID(id) {
			errs = append(errs, volume.Invalid(field, id, "must be the id of a Heketi cluster, 32 hexadecimal digits in lower case, as heketi-cli cluster list shows it"))
		} else {
			errs = append(errs, unique(seen, field, id))
		}
	}
	return errors.Join(errs...)
}

// checkUser refuses every user but admin. Heketi has one other user, "user". Heketi accepts a create from this user, but forbids
// all paths but /volumes, so the user cannot ask for the result: the volume would be made and lost (heketi:
// apps/glusterfs/app_middleware.go).
func checkUser(field, user string) error {
	if user == defaultUser {
		return nil
	}
	return volume.Invalid(field, user,
		`must be "admin": Heketi's only other user, "user", may start a create but not ask for its result`)
}

// readSmallFile reads a file of at most limit bytes. It refuses a larger file, which was given by mistake, such as a device or a
// disk image.
func readSmallFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- the administrator names this file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return content, nil
}
