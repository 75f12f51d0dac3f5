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

// Journal remembers the expand requests whose outcome is unknown. Such a request may still be carried out after the
// driver has given up on it: a gateway or a Heketi that stands still may hold it, and the kernel repeats what the network
// has lost. Heketi would add a second request to the first, so that none is sent before the first is too old.
//
// Each request is on disk before it is sent, so that a driver that is killed and started again knows of it.
type Journal struct {
	dir string // "": in memory only

	mu   sync.Mutex
	sent map[string]sentExpand // by volumeKey
}

// sentExpand is a request to expand a volume.
type sentExpand struct {
	Version int       `json:"version"`
	SizeGiB int       `json:"sizeGiB"` // of the volume before it
	MoreGiB int       `json:"moreGiB"`
	Sent    time.Time `json:"sent"`
}

const (
	sentExpandVersion = 1
	sentExpandSuffix  = ".json"
)

func newJournal() *Journal { return &Journal{sent: map[string]sentExpand{}} }

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
			request, err := readSentExpand(filepath.Join(dir, file.Name()))
			if err != nil {
				return nil, err
			}
			j.sent[key] = request
		}
	}
	return j, nil
}

func readSentExpand(path string) (sentExpand, error) {
	info, err := os.Stat(path)
	if err != nil {
		return sentExpand{}, err
	}
	content, err := os.ReadFile(path) // #nosec G304 -- a file of the driver's own directory
	if err != nil {
		return sentExpand{}, err
	}
	if request, ok := parseSentExpand(content); ok {
		return request, nil
	}
	return sentExpand{Sent: info.ModTime()}, nil
}

func parseSentExpand(content []byte) (request sentExpand, ok bool) {
	err := json.Unmarshal(content, &request)
	return request, err == nil && request.Version == sentExpandVersion && !request.Sent.IsZero()
}

// The slash of a key is none of the characters of backends' names and volumes' ids.
func fileOfKey(key string) string { return strings.ReplaceAll(key, "/", "_") + sentExpandSuffix }

func keyOfFile(name string) (key string, ok bool) {
	name, ok = strings.CutSuffix(name, sentExpandSuffix)
	return strings.ReplaceAll(name, "_", "/"), ok
}

// begin remembers a request that is about to be sent. ErrUnavailable: it cannot be remembered, and must not be sent.
func (j *Journal) begin(key string, sizeGiB, moreGiB int) error {
	request := sentExpand{Version: sentExpandVersion, SizeGiB: sizeGiB, MoreGiB: moreGiB, Sent: time.Now()}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.write(key, request); err != nil {
		return fmt.Errorf("%w: the expand was not sent, because the driver could not make a note of it first: %w; "+
			"is the disk of --state-dir full or read-only?", volume.ErrUnavailable, err)
	}
	j.sent[key] = request
	return nil
}

// end forgets a request whose outcome is known.
func (j *Journal) end(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget(key)
}

// unanswered notes when the driver gave up on a request.
func (j *Journal) unanswered(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	request := j.sent[key]
	request.Sent = time.Now()
	j.sent[key] = request
	_ = j.write(key, request) // what is written already is earlier by the time of one request
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
	until := request.Sent.Add(late)
	carriedOut := request.Version == sentExpandVersion && v.SizeGiB == request.SizeGiB+request.MoreGiB
	if carriedOut || time.Now().After(until) {
		j.forget(key)
		return nil
	}
	return fmt.Errorf("%w: gluster volume %s has %d GiB; an expand of it was sent to Heketi at %s and was not answered. It may still be carried out until %s, "+
		"and Heketi would add a second one to it, so that the driver sends the next one after that",
		volume.ErrBusy, v.Name, v.SizeGiB, request.Sent.UTC().Format(time.TimeOnly), until.UTC().Format("15:04:05 MST"))
}

func (j *Journal) forget(key string) {
	delete(j.sent, key)
	if j.dir != "" {
		// A file that stays delays the next expand, if the driver is started again before it is too old.
		_ = os.Remove(filepath.Join(j.dir, fileOfKey(key)))
	}
}

// write replaces the file of a request in one step.
func (j *Journal) write(key string, request sentExpand) error {
	if j.dir == "" {
		return nil
	}
	content, err := json.Marshal(request)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(j.dir, fileOfKey(key)), content, 0o600)
}
