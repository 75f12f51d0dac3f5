package topology

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// value is a JSON value with its line, for messages. Unlike encoding/json's maps, it keeps duplicate fields.
type value struct {
	line int
	any  any // nil, bool, json.Number, string, []value or []field
}

type field struct {
	name  string
	line  int
	value value
}

// deepest is the maximum depth of nesting: more than a topology needs, and safe for the stack.
const deepest = 20

var errTooDeep = errors.New("it is nested too deeply for a topology")

// parseJSON reads one JSON value. Anything after it is an error.
func parseJSON(content []byte) (value, error) {
	p := &parser{content: content, decoder: json.NewDecoder(bytes.NewReader(content))}
	p.decoder.UseNumber()
	v, err := p.value(0)
	if err == nil {
		if _, extra := p.decoder.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("there is text after its end")
		}
	}
	if err == nil {
		return v, nil
	}
	line := p.line()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line = lineAt(content, syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early: a bracket or brace is not closed")
	}
	return value{}, fmt.Errorf("line %d: this is not JSON: %w", line, err)
}

type parser struct {
	content []byte
	decoder *json.Decoder
}

// line returns the line of the last token.
func (p *parser) line() int { return lineAt(p.content, p.decoder.InputOffset()) }

func lineAt(content []byte, offset int64) int {
	return 1 + bytes.Count(content[:max(0, min(offset, int64(len(content))))], []byte("\n"))
}

func (p *parser) value(depth int) (value, error) {
	if depth > deepest {
		return value{}, errTooDeep
	}
	token, err := p.decoder.Token()
	if err != nil {
		return value{}, err
	}
	v := value{line: p.line(), any: token}
	switch token {
	case json.Delim('['):
		v.any, err = p.list(depth)
	case json.Delim('{'):
		v.any, err = p.fields(depth)
	}
	return v, err
}

func (p *parser) list(depth int) ([]value, error) {
	var list []value
	for p.decoder.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := p.decoder.Token()
	return list, err
}

func (p *parser) fields(depth int) ([]field, error) {
	var fields []field
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("a field's name is missing before %v", token)
		}
		line := p.line()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{name, line, v})
	}
	_, err := p.decoder.Token()
	return fields, err
}
