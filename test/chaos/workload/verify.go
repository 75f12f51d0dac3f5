package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// verify checks the records of a last status, and returns the status with the number of lost records.
func verify(dir string, last tally.Status) tally.Status {
	last.Time, last.Done = time.Now(), true
	for i := range last.Workers {
		w := &last.Workers[i]
		if w.Name == "scratch" && verifyBeneath(dir, w) {
			continue
		}
		reader, err := openAgain(w.Name, dir)
		if err != nil {
			w.Lost = w.Writes
			w.Said = append(w.Said, fmt.Sprintf("open again: %v", err))
			continue
		}
		w.Lost = 0
		for seq := range w.Writes {
			if err := reader.read(seq, w.Writes); err != nil {
				w.Lost++
				w.Said = append(w.Said[:min(len(w.Said), 5)], fmt.Sprintf("record %d: %v", seq, err))
			}
		}
		if db, ok := reader.(*database); ok {
			err = db.whole()
		}
		if err := errors.Join(err, reader.close()); err != nil {
			w.Lost = max(1, w.Lost)
			w.Said = append(w.Said, fmt.Sprintf("at the end: %v", err))
		}
	}
	return last
}

// verifyBeneath checks the volume's own directory beneath an emptyDir, if this process sees that directory. Every file there was
// written to the wrong place, and counts as lost.
func verifyBeneath(dir string, w *tally.Worker) (beneath bool) {
	files, beneath, err := strayFiles(dir)
	if !beneath {
		return false
	}
	w.Lost = len(files)
	for _, file := range files[:min(len(files), 5)] {
		w.Said = append(w.Said, "written into the volume beneath the emptyDir: "+file.Name())
	}
	if err != nil {
		w.Lost = max(1, w.Lost)
		w.Said = append(w.Said, err.Error())
	}
	return true
}

// openAgain opens a worker's files for reading.
func openAgain(name, dir string) (worker, error) {
	switch name {
	case "held", "appended":
		path := filepath.Join(dir, name)
		file, err := openFile(path, os.O_RDONLY)
		return &held{file, path}, err
	case "renamed":
		return &renamed{filepath.Join(dir, name)}, nil
	case "sub":
		return &renamed{filepath.Join(subOf(dir), "renamed")}, nil
	case "scratch":
		return &scratch{scratchOf(dir)}, nil
	case "database":
		return connect(dir)
	}
	return nil, fmt.Errorf("there is no worker %q", name)
}
