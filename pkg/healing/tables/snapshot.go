package tables

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

const (
	// snapshotVersion is that of the snapshots that this version of the driver writes. It reads older ones, too.
	snapshotVersion = 1
	snapshotLimit   = 4 << 20 // bytes of a file
)

// Snapshot holds the tables that concern a volume, as they were while its client lived: what is mounted inside the volume is in no
// table any more soon after the client's death.
type Snapshot struct {
	Version  int          `json:"version"` // Save sets it
	BootID   string       `json:"bootID"`  // Save sets it: devices, processes and namespaces mean nothing after the next boot
	VolumeID string       `json:"volumeID"`
	Client   string       `json:"client"` // its name
	Device   mount.Device `json:"device"`
	Graph    string       `json:"graph"` // that the client used
	Tables   []Table      `json:"tables"`
}

// Store keeps one snapshot for each volume in a directory. Calls for one name must not overlap.
type Store struct{ Dir string }

// Save replaces the snapshot of a name, which must be a file name. A snapshot of more than 4 MiB is saved without its largest tables,
// so that one pod with very many mounts does not cost the others their snapshot; the error says so.
func (s Store) Save(name string, snapshot Snapshot) error {
	err := s.save(name, snapshot)
	if err != nil {
		return fmt.Errorf("save the mounts of a volume in %s: %w", s.path(name), err)
	}
	return nil
}

func (s Store) save(name string, snapshot Snapshot) error {
	boot, err := bootID()
	if err != nil {
		return err
	}
	snapshot.Version, snapshot.BootID = snapshotVersion, boot
	data, err := encode(snapshot)
	if err != nil {
		return err
	}
	var leftOut []error
	for len(data) > snapshotLimit && len(snapshot.Tables) > 0 {
		largest := largestTable(snapshot.Tables)
		t := snapshot.Tables[largest]
		leftOut = append(leftOut, fmt.Errorf("%d mounts of process %d, pod %q, are too many to be kept", len(t.Mounts), t.PID, t.Pod))
		snapshot.Tables = slices.Delete(slices.Clone(snapshot.Tables), largest, largest+1)
		if data, err = encode(snapshot); err != nil {
			return err
		}
	}
	if old, _ := os.ReadFile(s.path(name)); !bytes.Equal(old, data) { // a snapshot that cannot be read is replaced
		leftOut = append(leftOut, s.write(name, data))
	}
	return errors.Join(leftOut...)
}

func encode(snapshot Snapshot) ([]byte, error) {
	data, err := json.MarshalIndent(snapshot, "", " ")
	return append(data, '\n'), err
}

func largestTable(tables []Table) int {
	largest := 0
	for i, t := range tables {
		if len(t.Mounts) > len(tables[largest].Mounts) {
			largest = i
		}
	}
	return largest
}

// write lets readers see the former content or the new one. No fsync: a snapshot has no meaning after the next boot.
func (s Store) write(name string, data []byte) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	unfinished := s.path(name) + ".new"
	err := os.WriteFile(unfinished, data, 0o600)
	if err == nil {
		err = os.Rename(unfinished, s.path(name))
	}
	if err != nil {
		_ = os.Remove(unfinished)
	}
	return err
}

// Load returns the snapshot of a name, and whether there is one. One that is damaged, of a newer version of the driver or of an
// earlier boot is none; the error says why.
func (s Store) Load(name string) (snapshot Snapshot, exists bool, err error) {
	snapshot, err = s.load(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Snapshot{}, false, nil
	case err != nil:
		return Snapshot{}, false, fmt.Errorf("read the mounts of a volume from %s: %w", s.path(name), err)
	}
	return snapshot, true, nil
}

func (s Store) load(name string) (snapshot Snapshot, err error) {
	file, err := os.Open(s.path(name))
	if err != nil {
		return Snapshot{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, snapshotLimit+1))
	if err != nil {
		return Snapshot{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Snapshot{}, err
	}
	return decode(data, boot)
}

// decode returns the snapshot in a file's content, if it is of this boot.
func decode(data []byte, boot string) (snapshot Snapshot, err error) {
	if len(data) > snapshotLimit {
		return Snapshot{}, fmt.Errorf("it has more than %d bytes", snapshotLimit)
	}
	if err := json.Unmarshal(data, &snapshot); err != nil {
		return Snapshot{}, err
	}
	switch {
	case snapshot.Version < 1 || snapshot.Version > snapshotVersion:
		return Snapshot{}, fmt.Errorf("it has version %d, and this driver knows those up to %d", snapshot.Version, snapshotVersion)
	case snapshot.BootID != boot:
		return Snapshot{}, errors.New("it is of an earlier boot of this node")
	}
	return snapshot, nil
}

// Remove removes the snapshot of a name, which may be missing.
func (s Store) Remove(name string) error {
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mounts of a volume: %w", err)
	}
	return nil
}

func (s Store) path(name string) string { return filepath.Join(s.Dir, name+".json") }

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("which boot this is: %v", err) //nolint:errorlint // a missing /proc is no missing snapshot
	}
	return strings.TrimSpace(string(id)), nil
}
