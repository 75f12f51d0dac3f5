package tables

import (
	"encoding"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// In JSON, a device is text.
var _ encoding.TextMarshaler = mount.Device{}

// MarshalJSON preserves paths that are not UTF-8, which JSON cannot hold: it writes such a byte as \ooo, like mountinfo.
func (m Mount) MarshalJSON() ([]byte, error) {
	type plain Mount
	m.Source, m.Root, m.Point, m.Node = escape(m.Source), escape(m.Root), escape(m.Point), escape(m.Node)
	return json.Marshal(plain(m))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Mount) UnmarshalJSON(data []byte) error {
	type plain Mount
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	for _, s := range []*string{&p.Source, &p.Root, &p.Point, &p.Node} {
		var err error
		if *s, err = unescape(*s); err != nil {
			return err
		}
	}
	*m = Mount(p)
	return nil
}

// escape writes backslashes and bytes that are not UTF-8 as \ooo.
func escape(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 || r == '\\' {
			fmt.Fprintf(&b, `\%03o`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

func unescape(s string) (string, error) {
	first, rest, found := strings.Cut(s, `\`)
	if !found {
		return s, nil
	}
	var b strings.Builder
	for b.WriteString(first); found; b.WriteString(first) {
		if len(rest) < 3 {
			return "", fmt.Errorf(`path %q: \ without three digits`, s)
		}
		octet, err := strconv.ParseUint(rest[:3], 8, 8)
		if err != nil {
			return "", fmt.Errorf("path %q: %w", s, err)
		}
		b.WriteByte(byte(octet))
		first, rest, found = strings.Cut(rest[3:], `\`)
	}
	return b.String(), nil
}
