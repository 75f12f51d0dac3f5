package fuseclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// recordVersion is the version of the records that this driver writes. It also reads older versions. Records that were written
// before the field version existed have version 0.
const recordVersion = 1

// record describes a staged volume and its client for a later process, which did not stage the volume. It holds no secrets.
type record struct {
	Version     int          `json:"version"`
	Source      mount.Source `json:"source"`
	StagingPath string       `json:"stagingPath"` // without symbolic links
	Generation  int64        `json:"generation"`  // part of the client's fresh path
	Process     process      `json:"process"`     // zero until the client runs
	BootID      string       `json:"bootID"`
	Device      mount.Device `json:"device"` // device of the client's mount; zero until the client has answered once
	// By target path. Copies of a record in use share the map, so changePublications replaces it.
	Publications map[string]Publication `json:"publications,omitempty"`
	// Unused is set only in ending/, when the client has no mount left. From then on, another client's mount may have the device
	// number.
	Unused bool `json:"unused,omitempty"`
}

func (r record) ready() bool { return r.Device != mount.Device{} }

func (m *Manager) record(volumeID string) (record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[volumeID]
	return r, ok
}

func (m *Manager) recordPath(volumeID string) string {
	return filepath.Join(m.cfg.StateDir, volumesDir, hash(volumeID)+".json")
}

func (m *Manager) endingPath(r record) string {
	return filepath.Join(m.cfg.StateDir, endingDir, r.name()+".json")
}

// save makes r the volume's record. On an error the record is in memory only. Such an error must not fail a call for a working
// volume: the disk may be full or read-only. There is no fsync because records mean nothing after a reboot.
func (m *Manager) save(r record) error {
	return writeRecord(m.recordPath(r.Source.VolumeID), m.remember(r))
}

// remember makes r the volume's record in memory only, keeps the volume's publications, and returns the result.
func (m *Manager) remember(r record) record {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Publications = m.records[r.Source.VolumeID].Publications
	m.records[r.Source.VolumeID] = r
	return r
}

// forget drops the volume's record. On an error its file is still there.
func (m *Manager) forget(volumeID string) error {
	m.mu.Lock()
	delete(m.records, volumeID)
	m.mu.Unlock()
	return removeFile(m.recordPath(volumeID))
}

// logUnwritten logs an error of the state directory that must not fail the call.
func logUnwritten(ctx context.Context, volumeID string, err error) {
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot write to the state directory, continuing without it; is its disk full or read-only?", "volumeID", volumeID)
	}
}

// encode returns the content of the record's file.
func (r record) encode() ([]byte, error) {
	r.Version = recordVersion
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}

func writeRecord(path string, r record) error {
	data, err := r.encode()
	if err == nil {
		err = writeFile(path, data)
	}
	if err != nil {
		return fmt.Errorf("write the record of volume %s: %w", r.Source.VolumeID, err)
	}
	return nil
}

// writeFile replaces a file atomically: readers see either the old content or the new one.
func writeFile(path string, data []byte) error {
	err := os.WriteFile(path+".new", data, 0o600) //nolint:gosec // below the state directory
	if err == nil {
		err = os.Rename(path+".new", path) //nolint:gosec // below the state directory
	}
	if err != nil {
		_ = os.Remove(path + ".new") //nolint:gosec // below the state directory
	}
	return err
}

func readRecord(path string) (record, error) {
	data, err := os.ReadFile(path) //nolint:gosec // below the state directory
	var r record
	if err == nil {
		r, err = parseRecord(data)
	}
	if err != nil {
		return record{}, fmt.Errorf("read record %s: %w", path, err)
	}
	return r, nil
}

func parseRecord(data []byte) (record, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, err
	}
	if r.Version < 0 || r.Version > recordVersion {
		return record{}, fmt.Errorf("it has version %d, and this driver supports versions up to %d", r.Version, recordVersion)
	}
	return r, nil
}

func removeFile(path string) error {
	err := os.Remove(path)                                                //nolint:gosec // below the state directory
	if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) { //nolint:gosec // below the state directory
		return nil // on a read-only file system, Remove also fails if the file does not exist
	}
	return err
}
