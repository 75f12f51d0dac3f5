package fuseclient

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// PlacementState describes where the node plugin starts clients. Other processes, such as doctor, read it.
type PlacementState struct {
	Placement string `json:"placement"`         // PlacementNode or PlacementPod
	Version   string `json:"version,omitempty"` // version of the files of new clients on the node
	Error     string `json:"error,omitempty"`   // why clients do not run on the node although they should
	// Unsupervised is set if clients can mount more than once, see placement.Confinement.
	Unsupervised bool `json:"unsupervised,omitempty"`
	// Hidden is the reason why the node plugin cannot make the mounts of clients, see placement.Node; "" if it can.
	Hidden string `json:"hidden,omitempty"`
}

func placementPath(stateDir string) string { return filepath.Join(stateDir, "placement.json") }

// ReadPlacement returns the state that the last node plugin with this state directory wrote. The error wraps fs.ErrNotExist if
// none was written.
func ReadPlacement(stateDir string) (PlacementState, error) {
	var state PlacementState
	data, err := os.ReadFile(placementPath(stateDir)) //nolint:gosec // of the node plugin
	if err == nil {
		err = json.Unmarshal(data, &state)
	}
	if err != nil {
		return PlacementState{}, fmt.Errorf("read where clients run: %w", err)
	}
	return state, nil
}

func (s PlacementState) write(stateDir string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeFile(placementPath(stateDir), append(data, '\n'))
}
