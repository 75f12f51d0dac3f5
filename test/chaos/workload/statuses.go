package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// runIn makes a directory and uses it until the process is told to end. file may name a file for the statuses.
func runIn(dir string, file []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	out := os.Stdout
	if len(file) > 0 {
		if out, err = appendTo(file[0]); err != nil {
			return err
		}
	}
	return errors.Join(work(ctx, dir, out), out.Close())
}

// verifyIn checks the records of a last status.
func verifyIn(dir string, file []string) (err error) {
	in, out := os.Stdin, os.Stdout
	if len(file) > 0 {
		if in, err = os.Open(file[0]); err != nil {
			return err
		}
		defer in.Close()
		if out, err = appendTo(file[0]); err != nil {
			return err
		}
	}
	last, err := lastStatus(in)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(out).Encode(verify(dir, last)), out.Close())
}

func appendTo(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// lastStatus reads all statuses and returns the last.
func lastStatus(in io.Reader) (last tally.Status, err error) {
	for lines := json.NewDecoder(in); ; {
		var status tally.Status // a new one, because the decoder does not reset missing fields
		err := lines.Decode(&status)
		switch {
		case errors.Is(err, io.EOF) && len(last.Workers) > 0:
			return last, nil
		case err != nil:
			return last, fmt.Errorf("read the last status: %w", err)
		}
		last = status
	}
}
