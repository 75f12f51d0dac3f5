package temporary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Rename renames a volume in the database, before Heketi is started. It does nothing if no volume has the name.
func (o Options) Rename(ctx context.Context, volume, name string) error {
	return o.edit(ctx, func(exported []byte) ([]byte, error) {
		changed, err := renamed(exported, volume, name)
		if err != nil {
			return nil, fmt.Errorf("rename volume %s in Heketi's database: %w", volume, err)
		}
		return changed, nil
	})
}

// renamed returns an exported database in which the volume has the new name, or nil if no volume has the old one. Everything else
// stays as it is.
func renamed(content []byte, volume, name string) ([]byte, error) {
	var sections, volumes map[string]json.RawMessage
	if err := json.Unmarshal(content, &sections); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(sections["volumeentries"], &volumes); err != nil {
		return nil, fmt.Errorf("volumeentries: %w", err)
	}
	found := false
	for id, entry := range volumes {
		var fields, info map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(entry, &fields), json.Unmarshal(fields["Info"], &info)); err != nil {
			return nil, fmt.Errorf("volumeentries.%s: %w", id, err)
		}
		if string(info["name"]) != string(quoted(volume)) {
			continue
		}
		found = true
		info["name"] = quoted(name)
		fields["Info"] = encoded(info)
		volumes[id] = encoded(fields)
	}
	if !found {
		return nil, nil
	}
	sections["volumeentries"] = encoded(volumes)
	return encoded(sections), nil
}
