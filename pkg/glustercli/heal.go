package glustercli

import (
	"io"
	"strconv"
)

// HealSummary is the heal backlog of a volume.
type HealSummary struct {
	Pending    uint64   `json:"pending"`           // entries that wait for self-heal, or are being healed
	SplitBrain uint64   `json:"splitBrain"`        // entries that self-heal cannot repair
	Unknown    []string `json:"unknown,omitempty"` // bricks whose backlog gluster could not read
}

// brickConnected is the status of a brick whose backlog was read completely.
const brickConnected = "Connected"

// ReadHealSummary decodes the output of "gluster volume heal VOLUME info summary --xml", which glfsheal prints (glusterfs:
// heal/src/glfs-heal.c). Each brick of a set lists the entries that are pending on the others, so an entry may be counted more
// than once.
func ReadHealSummary(r io.Reader) (HealSummary, error) {
	var output struct {
		Bricks []struct {
			Name   string `xml:"name"`
			Status string `xml:"status"`
			// Missing, "-" or a number: glfsheal prints no number if it has not read all entries.
			Total      string `xml:"totalNumberOfEntries"`
			SplitBrain string `xml:"numberOfEntriesInSplitBrain"`
		} `xml:"healInfo>bricks>brick"`
	}
	if err := Decode(r, "volume heal info summary", &output); err != nil {
		return HealSummary{}, err
	}
	var summary HealSummary
	for _, brick := range output.Bricks {
		total, err := strconv.ParseUint(brick.Total, 10, 32)
		splitBrain, err2 := strconv.ParseUint(brick.SplitBrain, 10, 32)
		if brick.Status != brickConnected || err != nil || err2 != nil || splitBrain > total {
			summary.Unknown = append(summary.Unknown, brick.Name)
			continue
		}
		// "Possibly healing" counts as pending: such an entry is being healed right now.
		summary.Pending += total - splitBrain
		summary.SplitBrain += splitBrain
	}
	return summary, nil
}
