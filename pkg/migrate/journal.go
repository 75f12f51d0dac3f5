package migrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Journal records, in a file beside the plan, the objects that a migration has deleted and not yet replaced. A missing object
// without such an entry was not deleted by the migration, so it is not created again.
type Journal struct {
	file     *os.File // nil if ReadJournal found no file
	readOnly bool
	plan     string              // the plan's id
	deleted  map[string]deletion // by object
	retained map[string]string   // by object: uids of PersistentVolumes that got the policy Retain from this migration, not from an administrator
}

// deletion describes an object that a migration has deleted, or was about to.
type deletion struct {
	uid    string // "" if an earlier version wrote the journal, or if creates has removed the uid
	size   string // the PersistentVolume's size in the cluster, which may differ from the plan's
	driver bool   // the object was a PersistentVolume of the driver
	made   string // uid of the new PersistentVolume; "" if no run has recorded it
}

func deletionOf(now *unstructured.Unstructured) deletion {
	return deletion{uid: string(now.GetUID()), size: sizeOf(now.Object), driver: isOfDriver(now.Object)}
}

// line is one line of the file. If none of Done, Kept and Retain is set, the object is about to be deleted.
type line struct {
	Plan   string `json:"plan,omitempty"`   // in the first line: the ID of the journal's plan
	Object string `json:"object,omitempty"` // "persistentvolumes/NAME" and the like
	UID    string `json:"uid,omitempty"`
	Size   string `json:"size,omitempty"`
	Driver bool   `json:"driver,omitempty"`
	Made   string `json:"made,omitempty"`   // the uid of the new PersistentVolume
	Done   bool   `json:"done,omitempty"`   // the object was replaced, or it was kept and has its former policy again
	Kept   bool   `json:"kept,omitempty"`   // the API server refused to delete the object
	Retain bool   `json:"retain,omitempty"` // the object is about to get the policy Retain
}

// OpenJournal reads the entries of earlier runs of a plan, and locks the file against other processes until Close. It refuses
// another plan's journal.
func OpenJournal(path, plan string) (*Journal, error) {
	return openJournalFile(path, plan, os.O_CREATE|os.O_APPEND|os.O_RDWR)
}

// ReadJournal is like OpenJournal, but for a dry run: it creates no file, and writing to the journal fails.
func ReadJournal(path, plan string) (*Journal, error) {
	j, err := openJournalFile(path, plan, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return &Journal{}, nil
	}
	return j, err
}

// PeekJournal is like ReadJournal, but also works while a migration with the plan runs. Its result may be out of date.
func PeekJournal(path, plan string) (*Journal, error) {
	file, err := os.Open(path) // #nosec G304 -- the administrator names the plan
	if errors.Is(err, fs.ErrNotExist) {
		return &Journal{}, nil
	}
	if err != nil {
		return nil, err
	}
	return newJournal(file, plan, true)
}

func openJournalFile(path, plan string, flags int) (*Journal, error) {
	file, err := os.OpenFile(path, flags, 0o600) // #nosec G304 -- the administrator names the plan
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use: another migration with this plan runs (%w)", path, err), file.Close())
	}
	return newJournal(file, plan, flags == os.O_RDONLY)
}

// newJournal reads the file. It closes the file if reading fails.
func newJournal(file *os.File, plan string, readOnly bool) (*Journal, error) {
	j := &Journal{file: file, readOnly: readOnly, deleted: map[string]deletion{}, retained: map[string]string{}}
	if err := j.load(file.Name(), plan); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

// load reads the file. An empty file becomes the journal of the plan.
func (j *Journal) load(path, plan string) error {
	content, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	for text := range bytes.Lines(content) {
		var l line
		if json.Unmarshal(text, &l) == nil { // the line of a run that was killed may be cut off
			j.note(l)
		}
	}
	switch {
	case j.plan == plan:
		return nil
	case j.plan != "":
		return fmt.Errorf("%s is the journal of the plan with the id %s, and this plan has the id %s; give each plan its own file name; the journal of FILE is FILE.journal",
			path, j.plan, plan)
	case j.readOnly && len(j.deleted) == 0:
		return nil
	case len(j.deleted) > 0:
		return fmt.Errorf("%s lists deleted objects but does not name the plan that it belongs to; was the start of the file removed?", path)
	}
	return j.write(line{Plan: plan})
}

// Close unlocks and closes the file.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

func (j *Journal) note(l line) {
	switch {
	case l.Plan != "":
		j.plan = l.Plan
	case l.Object == "": // an empty line
	case l.Retain:
		j.retained[l.Object] = l.UID
	case l.Kept:
		delete(j.deleted, l.Object)
	case l.Done:
		delete(j.deleted, l.Object)
		delete(j.retained, l.Object)
	default:
		j.deleted[l.Object] = deletion{uid: l.UID, size: l.Size, driver: l.Driver, made: l.Made}
	}
}

// write appends a line and syncs it to disk. The line begins with a line break, because the previous line may have been cut off.
func (j *Journal) write(l line) error {
	if j.file == nil || j.readOnly {
		return errors.New("the journal is open for reading only")
	}
	content, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(j.file, "\n%s\n", content); err != nil {
		return err
	}
	j.note(l)
	return j.file.Sync()
}

// deletes records that an object is about to be deleted.
func (j *Journal) deletes(object string, d deletion) error {
	if noted, ok := j.deleted[object]; ok && noted == d {
		return nil
	}
	if err := j.write(line{Object: object, UID: d.uid, Size: d.size, Driver: d.driver}); err != nil {
		return fmt.Errorf("%s was not deleted, because the journal could not be written first: %w", object, err)
	}
	return nil
}

// creates must be called before a PersistentVolume is created. If the direction was reversed after the deletion, the new
// PersistentVolume has the same kind as the deleted one, and isAnother would report that another program made it. In this case,
// creates removes the uid of the deleted one from the entry. It also removes the uid of a PersistentVolume that was created
// earlier and does not exist any more.
func (j *Journal) creates(object string, driver bool) error {
	d := j.deleted[object]
	uid := d.uid
	if d.driver == driver {
		uid = ""
	}
	if uid == d.uid && d.made == "" {
		return nil
	}
	return j.write(line{Object: object, UID: uid, Size: d.size, Driver: d.driver})
}

// makes records the uid of the new PersistentVolume that this run has created. With this uid, a later run detects if an
// administrator has made another PersistentVolume in its place.
func (j *Journal) makes(object, uid string) error {
	d, ok := j.deleted[object]
	if !ok || d.made == uid {
		return nil
	}
	return j.write(line{Object: object, UID: d.uid, Size: d.size, Driver: d.driver, Made: uid})
}

// hasMade reports whether a PersistentVolume is known to be the new one, or the old one that was not deleted. It returns false
// for a new one if a run was killed after it had created the PersistentVolume and before it called makes.
func (j *Journal) hasMade(now *unstructured.Unstructured) bool {
	d, ok := j.deleted[volumeEntry(now.GetName())]
	uid := string(now.GetUID())
	return !ok || uid == d.uid || uid == d.made
}

// retains records that a PersistentVolume is about to get the policy Retain.
func (j *Journal) retains(object, uid string) error {
	if noted, ok := j.retained[object]; ok && noted == uid {
		return nil
	}
	return j.write(line{Object: object, UID: uid, Retain: true})
}

// hasRetained reports whether the migration has set the policy of a PersistentVolume to Retain, or was about to.
func (j *Journal) hasRetained(object string) bool {
	_, ok := j.retained[object]
	return ok
}

// keeps records that the API server refused to delete an object.
func (j *Journal) keeps(object string) error { return j.write(line{Object: object, Kept: true}) }

// replaced records that an object has been replaced.
func (j *Journal) replaced(object string) error {
	if !j.has(object) && !j.hasRetained(object) {
		return nil
	}
	return j.write(line{Object: object, Done: true})
}

// restored records that a PersistentVolume has its former policy again, and was not deleted.
func (j *Journal) restored(object string) error { return j.write(line{Object: object, Done: true}) }

// isAnother reports whether a PersistentVolume is neither the old nor the new one of its journal entry: an administrator or a
// program has deleted the PersistentVolume of the entry, and made another of the same name.
func (j *Journal) isAnother(now *unstructured.Unstructured) bool {
	entry, uid := volumeEntry(now.GetName()), string(now.GetUID())
	if d, ok := j.deleted[entry]; ok {
		if d.made != "" {
			return uid != d.made && uid != d.uid
		}
		return d.uid != "" && d.uid != uid && d.driver == isOfDriver(now.Object) // a replacement is of the other kind
	}
	retained := j.retained[entry]
	return retained != "" && retained != uid
}

// forget removes the entries of an object that has been replaced by another program. In a dry run, the file keeps them.
func (j *Journal) forget(object string) error {
	if j.readOnly {
		j.note(line{Object: object, Done: true})
		return nil
	}
	return j.replaced(object)
}

// has reports whether the migration has deleted an object, or was about to, and has not replaced it yet.
func (j *Journal) has(object string) bool {
	_, ok := j.deleted[object]
	return ok
}

// isDeleting reports whether a PersistentVolume is being deleted by the migration.
func (j *Journal) isDeleting(now *unstructured.Unstructured) bool {
	d, ok := j.deleted[volumeEntry(now.GetName())]
	return ok && isDeleting(now) && (d.uid == "" && d.made == "" || d.uid == string(now.GetUID()))
}

// deletedElsewhere reports whether an absent object was certainly not deleted by this migration. Without a journal, that is never
// certain.
func (j *Journal) deletedElsewhere(object string) bool {
	return j != nil && j.file != nil && !j.has(object)
}
