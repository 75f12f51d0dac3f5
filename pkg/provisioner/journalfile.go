package provisioner

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// sent is a request to expand, create or delete a volume. For a delete, only the time is recorded.
type sent struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"`
	Suspect bool      `json:"suspect,omitempty"` // unknown whether the request was sent

	SizeGiB int `json:"sizeGiB,omitempty"` // of the volume before an expand
	MoreGiB int `json:"moreGiB,omitempty"`

	Name    string `json:"name,omitempty"` // of the gluster volume that a create makes
	Cluster string `json:"cluster,omitempty"`
	GID     int64  `json:"gid,omitempty"`
	Others  bool   `json:"others,omitempty"` // as in reservation
	// Accepted is set if Heketi has accepted the create, but its end is unknown. Heketi records an operation before it accepts
	// the request (operations_manage.go: AsyncHttpOperation), so Heketi's records show whether there is a volume.
	Accepted bool `json:"accepted,omitempty"`
}

const (
	journalVersion = 1
	journalSuffix  = ".json"
	journalMarker  = "journal" // marks a directory in which an earlier process has kept its notes
)

// volumeKey is the same for every handle of a volume.
func volumeKey(handle volume.Handle) string { return handle.Backend + "/" + handle.ID }

// deleteKey is the key of a volume's delete.
func deleteKey(handle volume.Handle) string { return handle.Backend + "/delete/" + handle.ID }

// createKey is the same for all gluster volume names of a CSI name.
func createKey(backend, name string) string { return createKeys(backend) + volume.NameKey(name) }

// createMark is in the keys of creates only: names of backends and ids of volumes have no slash.
const createMark = "/create/"

// createKeys returns the prefix of the keys of a backend's creates.
func createKeys(backend string) string { return backend + createMark }

func isCreateKey(key string) bool { return strings.Contains(key, createMark) }

// fileOfKey returns the name of a key's file. The parts of a key contain no underscore, so keyOfFile can undo the replacement.
func fileOfKey(key string) string { return strings.ReplaceAll(key, "/", "_") + journalSuffix }

func keyOfFile(name string) (key string, ok bool) {
	name, ok = strings.CutSuffix(name, journalSuffix)
	return strings.ReplaceAll(name, "_", "/"), ok && !strings.HasPrefix(name, ".")
}

// openJournalDir makes the directory, and reports whether an earlier process has used it. It fails if the directory is not
// writable.
func openJournalDir(dir string) (known bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	marker := filepath.Join(dir, journalMarker)
	_, err = os.Stat(marker)
	return err == nil, writeFile(dir, marker, nil)
}

// readSent reads a note. If the note is damaged, only its time is known. If the clock was set back, the time can be in the
// future; it is then replaced by the time now.
func readSent(path string, now time.Time) sent {
	request := sent{At: now}
	content, err := os.ReadFile(path) // #nosec G304 -- a file of the driver's own directory
	if err != nil {
		return request
	}
	if parsed, ok := parseSent(content); ok {
		request = parsed
	} else if info, err := os.Stat(path); err == nil {
		request.At = info.ModTime()
	}
	if request.At.After(now) {
		request.At = now
	}
	return request
}

func parseSent(content []byte) (request sent, ok bool) {
	err := json.Unmarshal(content, &request)
	return request, err == nil && (request.Version == journalVersion || request.Suspect) && !request.At.IsZero()
}

// write replaces the note of a request atomically.
func (j *Journal) write(key string, request sent) error {
	if j.dir == "" {
		return nil
	}
	content, err := json.Marshal(request)
	if err != nil {
		return err
	}
	return writeFile(j.dir, filepath.Join(j.dir, fileOfKey(key)), content)
}

func writeFile(dir, path string, content []byte) error {
	return renameio.WriteFile(path, content, 0o600, renameio.WithTempDir(dir))
}

// remove removes a note. A note that cannot be removed delays the next request if the driver is restarted.
func (j *Journal) remove(key string) {
	if j.dir != "" {
		_ = os.Remove(filepath.Join(j.dir, fileOfKey(key)))
	}
}
