package heketi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Dump is what the driver needs of Heketi's database. Unlike volume info and list it
// shows what is pending, and it comes in one request however many volumes there are.
type Dump struct {
	Clusters   map[string]struct{}
	Volumes    map[string]DumpVolume
	Operations map[string]DumpOperation
}

// DumpVolume is a volume as it is recorded.
type DumpVolume struct {
	Name    string
	Cluster string
	Pending string // id of the operation that makes, removes or clones it; "" is complete
}

// DumpOperation is an operation that is not finished. Its status is "" while it runs,
// "stale" when Heketi was restarted in the middle, "failed" when it could not be undone;
// Heketi cleans up the latter two after its start and then every hour.
type DumpOperation struct {
	Status string
}

// readDump decodes the dump entry by entry: with thousands of volumes it is tens of
// megabytes, nearly all of it bricks (heketi: apps/glusterfs/dbcommon.go, Db).
func readDump(r io.Reader) (Dump, error) {
	dump := Dump{
		Clusters:   map[string]struct{}{},
		Volumes:    map[string]DumpVolume{},
		Operations: map[string]DumpOperation{},
	}
	decoder := json.NewDecoder(r)
	seen := map[string]bool{}
	err := eachMember(decoder, func(section string) error {
		seen[section] = true
		return eachMember(decoder, func(id string) error { return dump.add(decoder, section, id) })
	})
	if err != nil {
		return Dump{}, fmt.Errorf("database dump: %w", err)
	}
	// Without these two it is something else, from which nothing must be concluded.
	if !seen["clusterentries"] || !seen["volumeentries"] {
		return Dump{}, errors.New("the answer is not a dump of Heketi's database")
	}
	return dump, nil
}

func (d *Dump) add(decoder *json.Decoder, section, id string) error {
	switch section {
	case "volumeentries":
		var entry struct {
			Info struct {
				Name    string `json:"name"`
				Cluster string `json:"cluster"`
			} `json:"Info"`
			Pending struct {
				ID string `json:"Id"`
			} `json:"Pending"`
		}
		err := decoder.Decode(&entry)
		d.Volumes[id] = DumpVolume{Name: entry.Info.Name, Cluster: entry.Info.Cluster, Pending: entry.Pending.ID}
		return err
	case "pendingoperations":
		var entry struct {
			Status string `json:"Status"`
		}
		err := decoder.Decode(&entry)
		d.Operations[id] = DumpOperation{Status: entry.Status}
		return err
	case "clusterentries":
		d.Clusters[id] = struct{}{}
	}
	return decoder.Decode(&ignored{})
}

// ignored takes any value and keeps nothing.
type ignored struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// eachMember calls read for every member of the object that comes next; read consumes
// the value. A null is an empty object.
func eachMember(decoder *json.Decoder, read func(name string) error) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token == nil {
		return nil
	}
	if token != json.Delim('{') {
		return fmt.Errorf("found %v where an object was expected", token)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		if err := read(name.(string)); err != nil { // the decoder gives only strings here
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
