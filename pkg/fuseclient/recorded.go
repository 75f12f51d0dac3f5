package fuseclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Recorded is the part of a record that other programs read from the state directory.
type Recorded struct {
	Source       mount.Source        `json:"source"`
	StagingPath  string              `json:"stagingPath"`
	BootID       string              `json:"bootID"`
	Publications map[string]struct{} `json:"publications"` // by target path
}

// Servers returns the servers that the volume's next client may use, given the servers that ReadClusterServers returns.
func (r Recorded) Servers(clusters ClusterServers) []string { return clusters.of(r.Source) }

// The directories of records, below the state directory.
const (
	volumesDir = "volumes" // staged volumes
	endingDir  = "ending"  // retired clients
)

// ReadVolumes returns the records of the volumes that the node plugin has staged.
func ReadVolumes(stateDir string) ([]Recorded, error) {
	return readRecords(filepath.Join(stateDir, volumesDir))
}

// ReadEnding returns the records of the clients that the node plugin has retired.
func ReadEnding(stateDir string) ([]Recorded, error) {
	return readRecords(filepath.Join(stateDir, endingDir))
}

func readRecords(dir string) ([]Recorded, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var records []Recorded
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".json" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, entry.Name())) // #nosec G304 -- below the state directory
		if errors.Is(err, fs.ErrNotExist) {
			continue // the record has just been removed
		}
		var r Recorded
		if err == nil {
			err = json.Unmarshal(raw, &r)
		}
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", entry.Name(), err)
		}
		records = append(records, r)
	}
	return records, nil
}
