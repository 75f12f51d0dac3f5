package driver

import "github.com/kubernetes-csi/csi-lib-utils/protosanitizer"

// sanitized prints a CSI message without its secrets, and only when somebody reads it.
type sanitized struct{ message any }

// String is for text logs.
func (s sanitized) String() string { return protosanitizer.StripSecrets(s.message).String() }

// MarshalJSON is for JSON logs, which do not ask a value for its String.
func (s sanitized) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }
