package topology

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/nearest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

func (r *reader) mistake(line int, at, format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Errorf("line %d: %s: %s", line, plain.Line(at, longestPath), fmt.Sprintf(format, args...)))
}

// longestPath and longestValue limit how much of the file's own text a message quotes.
const (
	longestPath  = 120
	longestValue = 60
)

// object returns the fields of an object. It accepts only the allowed names, or any name if allowed is empty. Letter case is
// ignored, as in heketi-cli, and names with a leading underscore are comments.
func (r *reader) object(v value, at string, allowed ...string) (fields []field) {
	all, ok := v.any.([]field)
	if !ok {
		r.mistake(v.line, at, "%s must be an object, in braces", describe(v))
		return nil
	}
	seen := map[string]int{}
	for _, f := range all {
		if strings.HasPrefix(f.name, "_") {
			continue
		}
		if len(allowed) > 0 {
			i := slices.IndexFunc(allowed, func(name string) bool { return strings.EqualFold(name, f.name) })
			if i < 0 {
				r.mistake(f.line, at, "unknown field %q: %s", plain.Line(f.name, longestValue), unknown(f.name, allowed))
				continue
			}
			f.name = allowed[i]
		}
		if first, again := seen[f.name]; again {
			r.mistake(f.line, at, "field %q occurs twice, first in line %d: remove one of them", plain.Line(f.name, longestValue), first)
			continue
		}
		seen[f.name] = f.line
		fields = append(fields, f)
	}
	return fields
}

func unknown(name string, allowed []string) string {
	if name == "id" || name == "state" {
		return "this looks like what heketi-cli topology info --json prints; a topology has only what an administrator decides: clusters, nodes, devices"
	}
	if hint := nearest.Hint(name, allowed); hint != "" {
		return hint
	}
	return "allowed are " + strings.Join(allowed, ", ")
}

// need reports a missing field of an object. The parameter write is the advice in the message.
func (r *reader) need(v value, fields []field, at, name, write string) {
	if _, ok := v.any.([]field); ok && !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
		r.mistake(v.line, at, "%q is missing: write %s", name, write)
	}
}

func (r *reader) list(v value, at string) []value {
	list, ok := v.any.([]value)
	if !ok {
		r.mistake(v.line, at, "%s must be a list, in brackets", describe(v))
	}
	return list
}

func (r *reader) text(v value, at string) string {
	text, ok := v.any.(string)
	if !ok {
		r.mistake(v.line, at, "%s must be text, in quotes", describe(v))
	}
	return text
}

func (r *reader) boolean(v value, at string) bool {
	b, ok := v.any.(bool)
	if !ok {
		r.mistake(v.line, at, "%s must be true or false, without quotes", describe(v))
	}
	return b
}

// describe returns a short description of a value, for messages.
func describe(v value) string {
	switch x := v.any.(type) {
	case nil:
		return "null"
	case []value:
		return "a list"
	case []field:
		return "an object"
	case json.Number:
		return plain.Line(x.String(), longestValue)
	case string:
		return fmt.Sprintf("%q", plain.Line(x, longestValue))
	}
	return fmt.Sprint(v.any)
}

// most is the number of mistakes that one error names.
const most = 10

// mistakesError combines several mistakes.
type mistakesError []error

// Error implements error.
func (m mistakesError) Error() string {
	texts := make([]string, 0, most+1)
	for _, err := range m[:min(len(m), most)] {
		texts = append(texts, err.Error())
	}
	if more := len(m) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "\n")
}
