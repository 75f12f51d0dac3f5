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
	// snapshotVersion is the version of the snapshots that this driver writes. It also reads older ones.
	snapshotVersion = 1
	snapshotLimit   = 4 << 20 // bytes of a file
)

// Snapshot holds the tables that concern a volume, read while its client lived: soon after the client's death, no table has the
// mounts inside the volume any more.
type Snapshot struct {
	Version  int          `json:"version"` // set by Save
	BootID   string       `json:"bootID"`  // set by Save; devices, processes and namespaces mean nothing after a reboot
	VolumeID string       `json:"volumeID"`
	Client   string       `json:"client"` // the client's name
	Device   mount.Device `json:"device"`
	Replaced bool         `json:"replaced,omitempty"` // no mount of the client is left: its device number may belong to another client
	// StagingPath is where the volume is staged; "" in snapshots of earlier versions.
	StagingPath string  `json:"stagingPath,omitempty"`
	Graph       string  `json:"graph"` // the graph that the client used
	Tables      []Table `json:"tables"`
	// Lost holds, by container, the mounts that could not be restored after a change of the graph. If such a mount is missing in the
	// container, its ID is 0 here, and Tables does not have it.
	Lost []Table `json:"lost,omitempty"`
}

// Store keeps snapshots in a directory, by the names of their clients. Calls for one name must not run at the same time.
type Store struct{ Dir string }

// Save replaces the snapshot of a name, which must be a file name. A snapshot of more than 4 MiB is saved without its largest
// tables, so that the tables of the other containers are still saved. The error then names the tables that were left out.
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
	if len(data) > snapshotLimit {
		snapshot, leftOut = snapshot.withoutLargest(len(data) - snapshotLimit)
		if data, err = encode(snapshot); err != nil {
			return err
		}
	}
	if old, _ := os.ReadFile(s.path(name)); !bytes.Equal(old, data) { // an unreadable snapshot is replaced
		leftOut = append(leftOut, s.write(name, data))
	}
	return errors.Join(leftOut...)
}

func encode(snapshot Snapshot) ([]byte, error) {
	data, err := json.MarshalIndent(snapshot, "", " ")
	return append(data, '\n'), err
}

// withoutLargest removes tables from Tables and Lost, the largest first, until the snapshot's file is smaller by at least the given
// number of bytes. The errors name the removed tables.
func (s Snapshot) withoutLargest(bytes int) (smaller Snapshot, why []error) {
	all := slices.Concat(s.Tables, s.Lost)
	sizes := make([]int, len(all))
	order := make([]int, len(all))
	for i, t := range all {
		data, _ := json.Marshal(t) // cannot fail, since it was encoded before; without indentation it is smaller than in the file
		sizes[i], order[i] = len(data), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sizes[b] - sizes[a] })
	out := map[int]bool{}
	for _, i := range order {
		if bytes <= 0 {
			break
		}
		bytes -= sizes[i]
		out[i] = true
		t := all[i]
		why = append(why, fmt.Errorf("%d mounts of process %d, pod %q, are too many to save", len(t.Mounts), t.PID, t.Pod))
	}
	smaller = s
	smaller.Tables, smaller.Lost = nil, nil
	for i, t := range all {
		switch {
		case out[i]:
		case i < len(s.Tables):
			smaller.Tables = append(smaller.Tables, t)
		default:
			smaller.Lost = append(smaller.Lost, t)
		}
	}
	return smaller, why
}

// write replaces the file atomically: readers see either the old content or the new one. There is no fsync because a snapshot
// means nothing after a reboot.
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

// ErrNewer is wrapped by Load's error for a snapshot of this boot that a newer version of the driver wrote. That version can read
// it again after the next upgrade.
var ErrNewer = errors.New("a newer version of the driver has written it")

// ErrUseless is wrapped by Load's error for a snapshot that no version of the driver can use any more: it is damaged or from an
// earlier boot.
var ErrUseless = errors.New("it cannot be used any more")

// Load returns the snapshot of a name, and whether there is one. A snapshot that cannot be read, is useless, or is from a newer
// version of the driver does not count; the error gives the reason.
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
	if snapshot, err = decode(data, boot); err != nil && !errors.Is(err, ErrNewer) {
		err = fmt.Errorf("%w: %w", ErrUseless, err)
	}
	return snapshot, err
}

// decode returns the snapshot in a file's content, if it is of this boot. In a newer version's snapshot it reads only the version
// and the boot id.
func decode(data []byte, boot string) (snapshot Snapshot, err error) {
	if len(data) > snapshotLimit {
		return Snapshot{}, fmt.Errorf("it has more than %d bytes", snapshotLimit)
	}
	var is struct {
		Version int    `json:"version"`
		BootID  string `json:"bootID"`
	}
	if err := json.Unmarshal(data, &is); err != nil {
		return Snapshot{}, err
	}
	switch {
	case is.Version < 1:
		return Snapshot{}, fmt.Errorf("it has version %d, but versions begin with 1", is.Version)
	case is.BootID != boot:
		return Snapshot{}, errors.New("it is from an earlier boot of this node")
	case is.Version > snapshotVersion:
		return Snapshot{}, fmt.Errorf("%w: it has version %d, and this driver supports versions up to %d", ErrNewer, is.Version, snapshotVersion)
	}
	if err := json.Unmarshal(data, &snapshot); err != nil {
		return Snapshot{}, err
	}
	return snapshot, nil
}

// Remove removes the snapshot of a name, which need not exist.
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
		return "", fmt.Errorf("read the boot id: %v", err) //nolint:errorlint // a missing /proc does not mean a missing snapshot
	}
	return strings.TrimSpace(string(id)), nil
}
