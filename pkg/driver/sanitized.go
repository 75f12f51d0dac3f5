package driver

import (
	"regexp"
	"strings"

	"github.com/kubernetes-csi/csi-lib-utils/protosanitizer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// sanitized prints a CSI message without its secrets. The text is made only if it is really logged.
type sanitized struct{ message any }

// stripped replaces a value that is or may be secret. protosanitizer uses the same text.
const stripped = "***stripped***"

// String implements fmt.Stringer for text logs.
func (s sanitized) String() string {
	message := s.message
	if m, ok := message.(proto.Message); ok {
		m = proto.Clone(m)
		mask(m.ProtoReflect())
		message = m
	}
	return protosanitizer.StripSecrets(message).String()
}

// MarshalJSON is used for JSON logs, which do not call String.
func (s sanitized) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// mask replaces possible secrets in the maps and lists of a message. protosanitizer replaces the fields that the CSI spec marks as
// secret; but users also write Heketi's secret key into StorageClasses and attributes, sometimes under a misspelt name. So a map's
// value is shown only if its key is known to be harmless, and a list's item only if it is a mount flag.
func mask(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			maskMap(field.MapValue(), value.Map())
		case field.IsList():
			maskList(field, value.List())
		case field.Message() != nil:
			mask(value.Message())
		}
		return true
	})
}

func maskMap(values protoreflect.FieldDescriptor, m protoreflect.Map) {
	m.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		switch {
		case values.Message() != nil:
			mask(value.Message())
		case values.Kind() == protoreflect.StringKind:
			m.Set(key, protoreflect.ValueOfString(shown(key.String(), value.String())))
		}
		return true
	})
}

func maskList(field protoreflect.FieldDescriptor, list protoreflect.List) {
	for i := range list.Len() {
		switch {
		case field.Message() != nil:
			mask(list.Get(i).Message())
		case field.FullName() == "csi.v1.VolumeCapability.MountVolume.mount_flags":
			list.Set(i, protoreflect.ValueOfString(withoutPasswords(mount.Loggable(list.Get(i).String(), stripped))))
		case field.Kind() == protoreflect.StringKind:
			list.Set(i, protoreflect.ValueOfString(stripped))
		}
	}
}

// shown returns the value of a parameter or attribute in the form in which it may be logged.
func shown(key, value string) string {
	switch key = strings.ToLower(key); {
	case !harmless(key):
		return stripped
	case key == strings.ToLower(volume.ContextMountOptions):
		value = mount.Loggable(value, stripped)
	}
	return withoutPasswords(value)
}

// harmless reports whether a key, in lower case, is known and its values are never secret.
func harmless(key string) bool {
	switch key {
	// Parameters of StorageClasses. restuserkey is not among them.
	case "backend", "profile", "resturl", "clusterid", "restauthenabled", "restuser", "secretname", "secretnamespace", "gidmin", "gidmax",
		"volumetype", "volumeoptions", "volumenameprefix", "snapfactor", "customepnameprefix",
		"arbiter", "averagefilesize", "zonechecking", "devicetagmatch":
		return true
	// The context of volumes. "backend" is one of these keys, too.
	case "volume", "servers", "server", "cluster", "gid", "mountoptions":
		return true
	// Keys that Kubernetes adds to parameters or to the context. Tokens of ServiceAccounts
	// (csi.storage.k8s.io/serviceAccount.tokens) are not among them.
	case "csi.storage.k8s.io/pvc/name", "csi.storage.k8s.io/pvc/namespace", "csi.storage.k8s.io/pv/name",
		"csi.storage.k8s.io/pod.name", "csi.storage.k8s.io/pod.namespace", "csi.storage.k8s.io/pod.uid",
		"csi.storage.k8s.io/serviceaccount.name", "csi.storage.k8s.io/ephemeral", "storage.kubernetes.io/csiprovisioneridentity":
		return true
	}
	return false
}

var (
	beforeHost = regexp.MustCompile(`(?s):(//)?\S.*@`)
	urlQuery   = regexp.MustCompile(`(://[^\s"?#]*)[?#][^"]*`)
)

// withoutPasswords replaces possible passwords in a URL: everything from a colon to the last @, and a query. It removes too much
// rather than too little, because passwords may contain any character.
func withoutPasswords(text string) string {
	if strings.Contains(text, "@") {
		text = beforeHost.ReplaceAllString(text, ":${1}"+stripped+"@")
	}
	if strings.Contains(text, "://") {
		text = urlQuery.ReplaceAllString(text, "${1}?"+stripped)
	}
	return text
}
