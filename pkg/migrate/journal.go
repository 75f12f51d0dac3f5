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
)

// Journal records, in a file beside the plan, the objects that a migration has deleted and not yet replaced. An object that is missing
// without such an entry was deleted outside of the migration, and is not created again.
type Journal struct {
	file     *os.File // nil if ReadJournal has found no file
	readOnly bool
	plan     string            // the plan's id
	deleted  map[string]string // by object, the size that a PersistentVolume had
	retained map[string]bool   // PersistentVolumes whose policy this migration has made Retain, and not an administrator
}

// line is a line of the file.
type line struct {
	Plan   string `json:"plan,omitempty"`   // the first line: whose journal it is
	Object string `json:"object,omitempty"` // "persistentvolumes/NAME" and the like
	Size   string `json:"size,omitempty"`   // of a PersistentVolume, in the cluster and not in the plan
	Done   bool   `json:"done,omitempty"`   // it was replaced; without one of these three, it is about to be deleted
	Kept   bool   `json:"kept,omitempty"`   // the API server has refused to delete it
	Retain bool   `json:"retain,omitempty"` // it is about to get the policy Retain
}

// OpenJournal reads the entries of earlier runs of a plan, and keeps other processes out until Close. It refuses the journal of another
// plan.
func OpenJournal(path, plan string) (*Journal, error) {
	return openJournalFile(path, plan, os.O_CREATE|os.O_APPEND|os.O_RDWR)
}

// ReadJournal is like OpenJournal for a dry run: it creates no file, and writing to the journal fails.
func ReadJournal(path, plan string) (*Journal, error) {
	j, err := openJournalFile(path, plan, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return &Journal{}, nil
	}
	return j, err
}

// PeekJournal is like ReadJournal, also while a migration with the plan runs: what it returns may be out of date.
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

// newJournal reads the file, and closes it if that fails.
func newJournal(file *os.File, plan string, readOnly bool) (*Journal, error) {
	j := &Journal{file: file, readOnly: readOnly, deleted: map[string]string{}, retained: map[string]bool{}}
	if err := j.load(file.Name(), plan); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

// load reads the file. A new one becomes the journal of the plan.
func (j *Journal) load(path, plan string) error {
	content, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	for text := range bytes.Lines(content) {
		var l line
		if json.Unmarshal(text, &l) == nil { // that of a run that was killed may be cut off
			j.note(l)
		}
	}
	switch {
	case j.plan == plan:
		return nil
	case j.plan != "":
		return fmt.Errorf("%s is the journal of the plan with the id %s, and this plan has the id %s; each plan needs a name of its own, with its journal beside it",
			path, j.plan, plan)
	case j.readOnly && len(j.deleted) == 0:
		return nil
	case len(j.deleted) > 0:
		return fmt.Errorf("%s does not name the plan whose journal it is, and lists what a migration has deleted; was its beginning removed?", path)
	}
	return j.write(line{Plan: plan})
}

// Close lets other processes use the file.
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
		j.retained[l.Object] = true
	case l.Kept:
		delete(j.deleted, l.Object)
	case l.Done:
		delete(j.deleted, l.Object)
		delete(j.retained, l.Object)
	default:
		j.deleted[l.Object] = l.Size
	}
}

// write adds a line, on disk before it returns. It begins with a line break, because the line before may have been cut off.
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

// deletes records an object before it is deleted, with its size if it is a PersistentVolume.
func (j *Journal) deletes(object, size string) error {
	if noted, ok := j.deleted[object]; ok && noted == size {
		return nil
	}
	if err := j.write(line{Object: object, Size: size}); err != nil {
		return fmt.Errorf("%s was not deleted, because the journal could not be written first: %w", object, err)
	}
	return nil
}

// retains records a PersistentVolume before it gets the policy Retain.
func (j *Journal) retains(object string) error {
	if j.retained[object] {
		return nil
	}
	return j.write(line{Object: object, Retain: true})
}

// keeps records that the API server has refused to delete an object.
func (j *Journal) keeps(object string) error { return j.write(line{Object: object, Kept: true}) }

// replaced records that an object has been replaced.
func (j *Journal) replaced(object string) error {
	if !j.has(object) && !j.retained[object] {
		return nil
	}
	return j.write(line{Object: object, Done: true})
}

// has reports whether an object was deleted, or about to be, and not yet replaced.
func (j *Journal) has(object string) bool {
	_, ok := j.deleted[object]
	return ok
}

// leftOut reports whether this migration has nothing to do with the absence of an object. Without a journal that is unknown.
func (j *Journal) leftOut(object string) bool {
	return j != nil && j.file != nil && !j.has(object)
}
