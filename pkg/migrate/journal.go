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

// Journal records, in a file beside the plan, the objects that a migration has deleted and not yet replaced. A missing object
// without such an entry was not deleted by the migration, so it is not created again.
type Journal struct {
	file     *os.File // nil if ReadJournal found no file
	readOnly bool
	plan     string            // the plan's id
	deleted  map[string]string // the size of each PersistentVolume, by object
	retained map[string]bool   // PersistentVolumes whose policy this migration, and not an administrator, set to Retain
}

// line is one line of the file. Without done, kept or retain, its object is about to be deleted.
type line struct {
	Plan   string `json:"plan,omitempty"`   // in the first line: the ID of the journal's plan
	Object string `json:"object,omitempty"` // "persistentvolumes/NAME" and the like
	Size   string `json:"size,omitempty"`   // a PersistentVolume's size in the cluster, which may differ from the plan's
	Done   bool   `json:"done,omitempty"`   // the object was replaced, or is as it was before
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
	j := &Journal{file: file, readOnly: readOnly, deleted: map[string]string{}, retained: map[string]bool{}}
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
		return fmt.Errorf("%s is the journal of the plan with the id %s, and this plan has the id %s; give each plan a different file name, with its journal beside it",
			path, j.plan, plan)
	case j.readOnly && len(j.deleted) == 0:
		return nil
	case len(j.deleted) > 0:
		return fmt.Errorf("%s does not name the plan whose journal it is, and lists what a migration has deleted; was its beginning removed?", path)
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

// write appends a line and syncs it to disk. The line begins with a line break, because the one before may have been cut off.
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

// deletes records that an object is about to be deleted, with its size if it is a PersistentVolume.
func (j *Journal) deletes(object, size string) error {
	if noted, ok := j.deleted[object]; ok && noted == size {
		return nil
	}
	if err := j.write(line{Object: object, Size: size}); err != nil {
		return fmt.Errorf("%s was not deleted, because the journal could not be written first: %w", object, err)
	}
	return nil
}

// retains records that a PersistentVolume is about to get the policy Retain.
func (j *Journal) retains(object string) error {
	if j.retained[object] {
		return nil
	}
	return j.write(line{Object: object, Retain: true})
}

// keeps records that the API server refused to delete an object.
func (j *Journal) keeps(object string) error { return j.write(line{Object: object, Kept: true}) }

// replaced records that an object has been replaced.
func (j *Journal) replaced(object string) error {
	if !j.has(object) && !j.retained[object] {
		return nil
	}
	return j.write(line{Object: object, Done: true})
}

// restored records that a PersistentVolume has its former policy again, and was not deleted.
func (j *Journal) restored(object string) error { return j.write(line{Object: object, Done: true}) }

// has reports whether the migration has deleted an object, or was about to, and has not replaced it yet.
func (j *Journal) has(object string) bool {
	_, ok := j.deleted[object]
	return ok
}

// deletedElsewhere reports whether an absent object was certainly not deleted by this migration. Without a journal, that is never
// certain.
func (j *Journal) deletedElsewhere(object string) bool {
	return j != nil && j.file != nil && !j.has(object)
}
