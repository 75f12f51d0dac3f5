package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// database is a dump of Heketi's database: section, id, entry.
type database map[string]map[string]json.RawMessage

// original returns the name of the volume that filled copies.
func original() string { return fillName(0) }

// fillName returns a name that the driver recognizes as its own.
func fillName(i int) string { return volume.GlusterName("fill-"+strconv.Itoa(i), volume.Naming{}) }

// filled copies the only volume in a dump, until there are n, onto all disks in turn. Creating thousands through Heketi's API
// would take half an hour, because each create decodes all existing volumes. The disks grow by the size of the new bricks.
func filled(dump []byte, n int) ([]byte, error) {
	var db database
	if err := json.Unmarshal(dump, &db); err != nil {
		return nil, err
	}
	from, err := onlyVolume(db)
	if err != nil {
		return nil, err
	}
	for i := 1; i < n; i++ {
		if err := from.copyTo(db, i); err != nil {
			return nil, err
		}
	}
	if err := updateCluster(db); err != nil {
		return nil, err
	}
	if err := updateDevices(db); err != nil {
		return nil, err
	}
	return json.Marshal(db)
}

// pattern is a volume, with the parts that each copy has to change.
type pattern struct {
	id, text string
	gid      int64
	bricks   []brick
}

type brick struct {
	id, device, text string
	devices          []string // all disks of the brick's node
}

func onlyVolume(db database) (pattern, error) {
	if n := len(db["volumeentries"]); n != 1 {
		return pattern{}, fmt.Errorf("the dump has %d volumes, want 1", n)
	}
	var p pattern
	for id, text := range db["volumeentries"] {
		p.id, p.text = id, string(text)
	}
	var v struct {
		Info struct {
			GID int64 `json:"gid"`
		} `json:"Info"`
		Bricks []string `json:"Bricks"`
	}
	if err := json.Unmarshal([]byte(p.text), &v); err != nil {
		return pattern{}, err
	}
	p.gid = v.Info.GID
	for _, id := range v.Bricks {
		b := brick{id: id, text: string(db["brickentries"][id])}
		var entry struct {
			Info struct {
				Device string `json:"device"`
				Node   string `json:"node"`
			} `json:"Info"`
		}
		if err := json.Unmarshal([]byte(b.text), &entry); err != nil {
			return pattern{}, err
		}
		var node struct {
			Devices []string `json:"Devices"`
		}
		if err := json.Unmarshal(db["nodeentries"][entry.Info.Node], &node); err != nil {
			return pattern{}, err
		}
		b.device, b.devices = entry.Info.Device, node.Devices
		p.bricks = append(p.bricks, b)
	}
	return p, nil
}

// copyTo adds the i-th copy. Heketi keeps lists of ids sorted, and uses binary search in them.
func (p pattern) copyTo(db database, i int) error {
	ids := make([]string, 0, len(p.bricks))
	for k := range p.bricks {
		ids = append(ids, newID("brick", i, k))
	}
	slices.Sort(ids)
	id := newID("volume", i)
	changes := make([]string, 0, 6+2*len(p.bricks))
	changes = append(changes, p.id, id, original(), fillName(i), gidText(p.gid), gidText(p.gid+int64(i)))
	for k, b := range p.bricks {
		changes = append(changes, b.id, ids[k])
	}
	replacer := strings.NewReplacer(changes...)
	db["volumeentries"][id] = json.RawMessage(replacer.Replace(p.text))
	for k, b := range p.bricks {
		if len(b.devices) == 0 {
			return errors.New("a node of the dump has no devices")
		}
		moved := strings.ReplaceAll(b.text, b.device, b.devices[i%len(b.devices)])
		db["brickentries"][ids[k]] = json.RawMessage(replacer.Replace(moved))
	}
	return nil
}

// gidText returns a group id in the notation of a dump.
func gidText(gid int64) string { return `"gid": ` + strconv.FormatInt(gid, 10) }

// newID returns an id like Heketi's.
func newID(kind string, numbers ...int) string {
	sum := sha256.Sum256([]byte(kind + fmt.Sprint(numbers)))
	return hex.EncodeToString(sum[:16])
}

// updateCluster lists all volumes in the only cluster.
func updateCluster(db database) error {
	ids := make([]string, 0, len(db["volumeentries"]))
	for id := range db["volumeentries"] {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if n := len(db["clusterentries"]); n != 1 {
		return fmt.Errorf("the dump has %d clusters, want 1", n)
	}
	for id := range db["clusterentries"] {
		return edit(db["clusterentries"], id, func(entry map[string]any) error {
			info, ok := entry["Info"].(map[string]any)
			if !ok {
				return errors.New("no Info")
			}
			info["volumes"] = ids
			return nil
		})
	}
	return nil
}

// updateDevices lists all bricks on their disks, and enlarges the disks by the size of the new bricks.
func updateDevices(db database) error {
	type load struct {
		bricks []string
		kib    float64
	}
	loads := map[string]*load{}
	for id := range db["deviceentries"] {
		loads[id] = &load{}
	}
	for id, text := range db["brickentries"] {
		var b struct {
			Info struct {
				Device string `json:"device"`
			} `json:"Info"`
			Pool     float64 `json:"TpSize"`
			Metadata float64 `json:"PoolMetadataSize"`
		}
		if err := json.Unmarshal(text, &b); err != nil {
			return err
		}
		l := loads[b.Info.Device]
		if l == nil {
			return fmt.Errorf("brick %s lies on no known device: %s", id, b.Info.Device)
		}
		l.bricks = append(l.bricks, id)
		l.kib += b.Pool + b.Metadata
	}
	for id, l := range loads {
		slices.Sort(l.bricks)
		err := edit(db["deviceentries"], id, func(entry map[string]any) error {
			info, _ := entry["Info"].(map[string]any)
			storage, _ := info["storage"].(map[string]any)
			free, ok := storage["free"].(float64)
			if !ok {
				return errors.New("no Info.storage.free")
			}
			entry["Bricks"] = l.bricks
			storage["used"], storage["total"] = l.kib, free+l.kib
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// edit changes one entry of a section.
func edit(section map[string]json.RawMessage, id string, change func(map[string]any) error) error {
	var entry map[string]any
	if err := json.Unmarshal(section[id], &entry); err != nil {
		return err
	}
	if err := change(entry); err != nil {
		return fmt.Errorf("entry %s of the dump: %w", id, err)
	}
	text, err := json.Marshal(entry)
	section[id] = text
	return err
}
