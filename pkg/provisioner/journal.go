package provisioner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Journal remembers requests that must not be sent twice and whose outcome is unknown. Such a request may still be carried out
// after the driver has given up on it: a gateway or a suspended Heketi may hold it, and the kernel resends lost packets. Heketi
// adds a second expand to the first, and makes a second volume of the same name if the second create is for another cluster.
//
// A note of each request is written to disk before the request is sent, so that the next process has it if this one is killed.
// Only one operation per key runs at a time, and only that operation changes the note. A delete therefore only reads the note of
// the volume's create.
type Journal struct {
	dir  string        // "": memory only
	late time.Duration // how long a request may be late (heketi.Timing.Late)

	// Without its predecessor's notes a journal cannot tell which requests the predecessor has sent. external-resizer starts
	// together with the driver and then repeats all expands that have not ended. So only expands of the first minutes are
	// suspect.
	suspectUntil time.Time // zero: the predecessor's notes are there
	opened       time.Time

	mu   sync.Mutex
	sent map[string]sent // by volumeKey, createKey or deleteKey
	made map[string]bool // by volumeKey: volumes made by this process while expands were suspect
}

// keepCreates is the age at which OpenJournal drops the note of an unanswered create. Most creates that are still wanted are
// repeated much earlier, but a backend that may have made the volume can be away for days. Notes of expands and deletes have no
// such limit, because a request for the volume can follow at any time.
const keepCreates = 30 * 24 * time.Hour

// suspectFor is how long expands are suspect after the start of the driver. external-resizer is expected to start within this
// time.
const suspectFor = 2 * time.Minute

func newJournal() *Journal {
	return &Journal{opened: time.Now(), sent: map[string]sent{}, made: map[string]bool{}}
}

// OpenJournal reads the journal of an earlier process from dir, and creates dir if necessary. A damaged file counts as a request
// that was sent when the file was written.
func OpenJournal(dir string) (*Journal, error) {
	j := newJournal()
	j.dir = dir
	known, err := openJournalDir(dir)
	if err != nil {
		return nil, err
	}
	if !known {
		j.suspectUntil = j.opened.Add(suspectFor)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		key, ok := keyOfFile(file.Name())
		if !ok {
			continue
		}
		request := readSent(filepath.Join(dir, file.Name()), j.opened)
		if isCreateKey(key) && j.opened.Sub(request.At) > keepCreates {
			j.remove(key)
			continue
		}
		j.sent[key] = request
	}
	return j, nil
}

// record writes the note of a request that is about to be sent. ErrUnavailable is returned when the note cannot be written; the
// request must not be sent then.
//
// The note stays until the outcome is known. However old the note is, the driver asks Heketi, before the next request for the
// volume, for requests that Heketi has begun but not recorded (checkLateExpand, checkLateDelete, checkOverdueCreate).
func (j *Journal) record(key string, request sent) error {
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

// forget forgets a request whose outcome is known.
func (j *Journal) forget(key string) {
	j.mu.Lock()
	_, ok := j.sent[key]
	delete(j.sent, key)
	j.mu.Unlock()
	if ok {
		j.remove(key)
	}
}

// unanswered sets the time of a note to now. It is called when the driver gives up on the request, and when a repeated create
// finds that Heketi may have begun the noted create. It does nothing if there is no note of the request.
func (j *Journal) unanswered(key string) {
	j.change(key, func(request *sent) { request.At = time.Now() })
}

// accepted records that Heketi has accepted a create whose end is unknown.
func (j *Journal) accepted(key string) {
	j.change(key, func(request *sent) { request.Accepted = true })
}

// change changes the note of a request, if there is one. If the new note cannot be written, the old one stays on disk. Its time
// is then a little too early, or the acceptance is missing. Without the acceptance, the next process expects the create for
// longer than necessary.
func (j *Journal) change(key string, change func(*sent)) {
	j.mu.Lock()
	request, ok := j.sent[key]
	if ok {
		change(&request)
		j.sent[key] = request
	}
	j.mu.Unlock()
	if ok {
		_ = j.write(key, request)
	}
}

// createOf returns the create of a CSI name that was sent and not answered, however old; ok is false if there is none.
func (j *Journal) createOf(key string) (late lateRequest, ok bool) { return j.requestOf(key, "create") }

// hasMade records that this process has made the volume, so that no earlier process can have sent an expand of it.
func (j *Journal) hasMade(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if time.Now().Before(j.suspectUntil) {
		j.made[key] = true
	}
}

// creates returns a backend's creates that may still be carried out. The keys of the map are those of volume.NameKey.
func (j *Journal) creates(backend string) map[string]sent {
	j.mu.Lock()
	defer j.mu.Unlock()
	requests := map[string]sent{}
	for key, request := range j.sent {
		if name, ok := strings.CutPrefix(key, createKeys(backend)); ok && !request.Accepted && time.Since(request.At) <= j.late {
			requests[name] = request
		}
	}
	return requests
}

// backendsOf returns the backends to which a create of the CSI name with this key was sent and not answered.
func (j *Journal) backendsOf(key string) (backends []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for noted := range j.sent {
		if backend, ok := strings.CutSuffix(noted, createMark+key); ok {
			backends = append(backends, backend)
		}
	}
	return backends
}

// hasSent reports whether a create of the backend with this gluster volume name was sent and not answered.
func (j *Journal) hasSent(backend, name string) bool {
	note, ok := j.createOf(createKey(backend, name))
	return ok && note.Name == name
}

// lateRequest is a request to create, expand or delete a volume that may still be carried out.
type lateRequest struct {
	sent
	what  string
	until time.Time
}

// expandOf returns the request to expand a volume that was sent and not answered; ok is false if there is none, or if the volume
// has the size that the request makes. (A volume that another caller has expanded to exactly that size looks the same.) The
// caller must compare late.until with the current time: after late.until, Heketi no longer begins the request, because it is too
// old.
func (j *Journal) expandOf(key string, v heketi.Volume) (late lateRequest, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	request, ok := j.sent[key]
	carriedOut := v.SizeGiB == request.SizeGiB+request.MoreGiB // a damaged note has neither
	return lateRequest{sent: request, what: "expand", until: request.At.Add(j.late)}, ok && !carriedOut
}

// deleteOf returns the request to delete a volume that was sent and not answered; ok is false if there is none.
func (j *Journal) deleteOf(key string) (late lateRequest, ok bool) { return j.requestOf(key, "delete") }

func (j *Journal) requestOf(key, what string) (late lateRequest, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	request, ok := j.sent[key]
	return lateRequest{sent: request, what: what, until: request.At.Add(j.late)}, ok
}

// suspect is called before an expand. If this process started a short time ago without its predecessor's notes, suspect records
// that the predecessor may have sent the same expand.
func (j *Journal) suspect(key string) {
	j.mu.Lock()
	request := sent{At: j.opened, Suspect: true}
	_, noted := j.sent[key]
	suspect := !noted && time.Now().Before(j.suspectUntil) && !j.made[key]
	if suspect {
		j.sent[key] = request
	}
	j.mu.Unlock()
	if suspect {
		_ = j.write(key, request) // for the next process
	}
}

// hasExpand reports whether a request to expand the volume may still be carried out, based on its age alone.
func (j *Journal) hasExpand(key string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Since(j.sent[key].At) <= j.late
}
