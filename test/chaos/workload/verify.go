package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// verify looks for the records of a last status, and returns it with the number of those that are lost.
func verify(dir string, last tally.Status) tally.Status {
	last.Time, last.Done = time.Now(), true
	for i := range last.Workers {
		w := &last.Workers[i]
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

// openAgain opens what a worker has written, for reading.
func openAgain(name, dir string) (worker, error) {
	switch name {
	case "held", "appended":
		file, err := openFile(filepath.Join(dir, name), os.O_RDONLY)
		return &held{file}, err
	case "renamed":
		return &renamed{filepath.Join(dir, name)}, nil
	case "database":
		return connect(dir)
	}
	return nil, fmt.Errorf("there is no worker %q", name)
}
