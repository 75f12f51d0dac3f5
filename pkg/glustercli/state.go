package glustercli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Volume is a volume in glusterd's state.
type Volume struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`   // such as Replicate or Distributed-Disperse
	Status string  `json:"status"` // Created, Started or Stopped
	Bricks []Brick `json:"bricks,omitempty"`
}

// Started reports whether the volume is started.
func (v Volume) Started() bool { return v.Status == "Started" }

// Heals reports whether the volume is replicated or dispersed, and therefore has a heal backlog.
func (v Volume) Heals() bool {
	return strings.Contains(v.Type, "Replicate") || strings.Contains(v.Type, "Disperse")
}

// Brick is a brick of a volume.
type Brick struct {
	Path   string `json:"path"`             // HOST:/PATH
	Status string `json:"status,omitempty"` // Started, Stopped, Starting, Stopping or None; empty for bricks of other servers
}

// Local reports whether the brick belongs to the server that has answered.
func (b Brick) Local() bool { return b.Status != "" }

// Started reports whether glusterd is connected to the brick's process.
func (b Brick) Started() bool { return b.Status == "Started" }

// mostMembers bounds the number of volumes, and of bricks in a volume.
const mostMembers = 1 << 16

// ReadState decodes the volumes in a file that "gluster get-state" has written (glusterfs: glusterd_get_state in
// xlators/mgmt/glusterd/src/glusterd-handler.c). The command "gluster volume status" is no substitute: it takes the volume's lock
// on all servers, which makes other commands on the volume fail, such as Heketi's.
func ReadState(r io.Reader) ([]Volume, error) {
	var volumes []Volume
	complete, global := false, false
	lines := bufio.NewScanner(io.LimitReader(r, mostBytes))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "[Global]":
			global = true
			continue
		case "[Misc]": // the last section
			complete = true
			continue
		}
		number, field, ok := cutNumber(key, "Volume")
		if !ok {
			continue
		}
		if number == len(volumes)+1 && number <= mostMembers {
			volumes = append(volumes, Volume{})
		}
		if number != len(volumes) {
			return nil, fmt.Errorf("volume %d follows volume %d", number, len(volumes))
		}
		if err := volumes[number-1].set(field, value); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("read the state of glusterd: %w", err)
	case !global:
		return nil, errors.New("this is not the state of glusterd: it has no [Global]")
	case !complete:
		return nil, errors.New("the state of glusterd is incomplete: it has no [Misc]")
	}
	return volumes, nil
}

func (v *Volume) set(field, value string) error {
	switch field {
	case "name":
		v.Name = value
	case "type":
		v.Type = value
	case "status":
		v.Status = value
	}
	number, field, ok := cutNumber(field, "Brick")
	if !ok {
		return nil
	}
	if number == len(v.Bricks)+1 && number <= mostMembers {
		v.Bricks = append(v.Bricks, Brick{})
	}
	if number != len(v.Bricks) {
		return fmt.Errorf("brick %d follows brick %d of volume %s", number, len(v.Bricks), v.Name)
	}
	switch field {
	case "path":
		v.Bricks[number-1].Path = value
	case "status":
		v.Bricks[number-1].Status = value
	}
	return nil
}

// cutNumber splits a key such as Volume12.name.
func cutNumber(key, prefix string) (number int, field string, ok bool) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return 0, "", false
	}
	digits, field, ok := strings.Cut(rest, ".")
	number, err := strconv.Atoi(digits)
	return number, field, ok && err == nil && number > 0
}
