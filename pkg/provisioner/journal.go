package provisioner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Journal remembers the requests whose outcome is unknown and that must not be sent twice. Such a request may still be
// carried out after the driver has given up on it: a gateway or a Heketi that stands still may hold it, and the kernel
// repeats what the network has lost. Heketi adds a second expand to the first, and makes a second volume of one name if the
// second create is for another cluster.
//
// Each request is on disk before it is sent, so that a driver that is killed and started again knows of it.
//
// Only one operation of a key runs at a time.
type Journal struct {
	dir string // "": in memory only

	mu   sync.Mutex
	sent map[string]sent // by expandKey or createKey
}

// sent is a request.
type sent struct {
	Version int       `json:"version"`
	At      time.Time `json:"at"`

	SizeGiB int `json:"sizeGiB,omitempty"` // of the volume before an expand
	MoreGiB int `json:"moreGiB,omitempty"`

	Name    string `json:"name,omitempty"` // of the gluster volume that a create makes
	Cluster string `json:"cluster,omitempty"`
	GID     int64  `json:"gid,omitempty"`
}

const (
	journalVersion = 1
	journalSuffix  = ".json"
)

func newJournal() *Journal { return &Journal{sent: map[string]sent{}} }

// expandKey is the same for every handle of a volume.
func expandKey(handle volume.Handle) string { return handle.Backend + "/" + handle.ID }

// createKey is the same for all gluster volume names of a CSI name.
func createKey(backend, name string) string { return createKeys(backend) + csiKey(name) }

// createKeys begins the keys of a backend's creates.
func createKeys(backend string) string { return backend + "/create/" }

// OpenJournal reads the journal that an earlier process has left in dir, which it makes if it is not there. A damaged file
// stands for a request that was sent when the file was written.
func OpenJournal(dir string) (*Journal, error) {
	j := newJournal()
	j.dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if key, ok := keyOfFile(file.Name()); ok {
			request, err := readSent(filepath.Join(dir, file.Name()))
			if err != nil {
				return nil, err
			}
			j.sent[key] = request
		}
	}
	return j, nil
}

func readSent(path string) (sent, error) {
	info, err := os.Stat(path)
	if err != nil {
		return sent{}, err
	}
	content, err := os.ReadFile(path) // #nosec G304 -- a file of the driver's own directory
	if err != nil {
		return sent{}, err
	}
	if request, ok := parseSent(content); ok {
		return request, nil
	}
	return sent{At: info.ModTime()}, nil
}

func parseSent(content []byte) (request sent, ok bool) {
	err := json.Unmarshal(content, &request)
	return request, err == nil && request.Version == journalVersion && !request.At.IsZero()
}

// The slash of a key is none of the characters of backends' names and volumes' ids.
func fileOfKey(key string) string { return strings.ReplaceAll(key, "/", "_") + journalSuffix }

func keyOfFile(name string) (key string, ok bool) {
	name, ok = strings.CutSuffix(name, journalSuffix)
	return strings.ReplaceAll(name, "_", "/"), ok
}

// begin remembers a request that is about to be sent. ErrUnavailable: it cannot be remembered, and must not be sent.
func (j *Journal) begin(key string, request sent) error {
	request.Version, request.At = journalVersion, time.Now()
	if err := j.write(key, request); err != nil {
		return fmt.Errorf("%w: the request was not sent, because the driver could not make a note of it first: %w; "+
			"is the disk of --state-dir full or read-only?", volume.ErrUnavailable, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sent[key] = request
	return nil
}

// end forgets a request whose outcome is known.
func (j *Journal) end(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget(key)
}

// unanswered notes when the driver gave up on a request, if it has a note of the request.
func (j *Journal) unanswered(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	request, ok := j.sent[key]
	if !ok {
		return
	}
	request.At = time.Now()
	j.sent[key] = request
	_ = j.write(key, request) // what is written already is earlier by the time of one request
}

// creates returns the creates of a backend that may still be carried out, and forgets the others.
func (j *Journal) creates(backend string, late time.Duration) []sent {
	j.mu.Lock()
	defer j.mu.Unlock()
	var requests []sent
	for key, request := range j.sent {
		if !strings.HasPrefix(key, createKeys(backend)) {
			continue
		}
		if time.Since(request.At) > late {
			j.forget(key)
		} else if request.Name != "" {
			requests = append(requests, request)
		}
	}
	return requests
}

// check returns an error, ErrBusy, while an earlier request to expand the volume may still be carried out. A volume that has
// the size which that request makes needs no more care.
func (j *Journal) check(key string, v heketi.Volume, late time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	request, ok := j.sent[key]
	if !ok {
		return nil
	}
	until := request.At.Add(late)
	carriedOut := request.Version == journalVersion && v.SizeGiB == request.SizeGiB+request.MoreGiB
	if carriedOut || time.Now().After(until) {
		j.forget(key)
		return nil
	}
	return fmt.Errorf("%w: gluster volume %s has %d GiB; an expand of it was sent to Heketi at %s and was not answered. It may still be carried out until %s, "+
		"and Heketi would add a second one to it, so that the driver sends the next one after that",
		volume.ErrBusy, v.Name, v.SizeGiB, request.At.UTC().Format(time.TimeOnly), until.UTC().Format("15:04:05 MST"))
}

func (j *Journal) forget(key string) {
	delete(j.sent, key)
	if j.dir != "" {
		// A file that stays delays the next expand, if the driver is started again before it is too old.
		_ = os.Remove(filepath.Join(j.dir, fileOfKey(key)))
	}
}

// write replaces the file of a request in one step.
func (j *Journal) write(key string, request sent) error {
	if j.dir == "" {
		return nil
	}
	content, err := json.Marshal(request)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(j.dir, fileOfKey(key)), content, 0o600)
}
