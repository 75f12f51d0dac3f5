package migrate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	orderedyaml "go.yaml.in/yaml/v2"
)

const planHead = `# A plan of glusterfs-csi migrate: what becomes of each PersistentVolume and StorageClass of kubernetes.io/glusterfs.
# Nothing has been changed yet. Read it, above all the refusals and the warnings; docs/migrate.md explains it.
# It contains a backup of everything that apply replaces: keep it until you are sure that you do not go back.
`

// Encode returns the plan as YAML, with its fields in reading order. The same plan always gives the same text.
func (p Plan) Encode() ([]byte, error) {
	content, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	ordered, err := inOrder(decoder)
	if err != nil {
		return nil, err
	}
	text, err := orderedyaml.Marshal(ordered)
	return append([]byte(planHead), text...), err
}

// digest returns the ID of a plan.
func (p Plan) digest() (string, error) {
	p.ID = ""
	content, err := json.Marshal(p) // the keys of maps are sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8]), nil
}

// inOrder decodes the next JSON value and preserves the order of object members, which a map would lose.
func inOrder(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		var object orderedyaml.MapSlice
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			value, err := inOrder(decoder)
			if err != nil {
				return nil, err
			}
			object = append(object, orderedyaml.MapItem{Key: key, Value: value})
		}
		_, err = decoder.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := inOrder(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err
	}
	if number, ok := token.(json.Number); ok {
		if n, err := number.Int64(); err == nil {
			return n, nil
		}
		return number.Float64()
	}
	return token, nil
}
