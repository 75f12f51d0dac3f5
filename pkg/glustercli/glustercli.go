// Package glustercli decodes the output of the gluster command. It does not run the command: callers pass its output, with --xml
// or, for ReadState, the file that get-state has written. It imports no other package of this module, so that any package may use
// it.
package glustercli

import (
	"encoding/xml"
	"fmt"
	"io"
)

// mostBytes bounds the size of an output. A brick takes about 200 bytes.
const mostBytes = 64 << 20

// FailedError is returned when gluster reports that a command has failed.
type FailedError struct {
	Command string // such as "volume info"
	Message string // may be empty
}

// Error implements error.
func (e *FailedError) Error() string {
	return fmt.Sprintf("gluster %s has failed: %q", e.Command, e.Message)
}

// Decode decodes the output of a command with --xml (glusterfs: cli/src/cli-xml-output.c) into the fields of out, as encoding/xml
// does.
func Decode(r io.Reader, command string, out any) error {
	data, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	if err != nil {
		return fmt.Errorf("read the output of gluster %s: %w", command, err)
	}
	if len(data) > mostBytes {
		return fmt.Errorf("it has more than %d MiB", mostBytes>>20)
	}
	var common struct {
		Result  *int   `xml:"opRet"`
		Message string `xml:"opErrstr"`
	}
	err = xml.Unmarshal(data, &common)
	if err == nil {
		err = xml.Unmarshal(data, out)
	}
	switch {
	case err != nil:
		return fmt.Errorf("this is not the output of gluster %s --xml: %w", command, err)
	case common.Result == nil:
		return fmt.Errorf("this is not the output of gluster %s --xml: it has no opRet", command)
	case *common.Result != 0:
		return &FailedError{Command: command, Message: common.Message}
	}
	return nil
}
