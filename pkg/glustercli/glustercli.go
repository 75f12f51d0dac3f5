// Package glustercli decodes the output of the gluster command. It does not run the command. Callers pass the output of a command
// with --xml to ReadPool, ReadHealSummary or Decode, and the file that "gluster get-state" has written to ReadState. Outputs of
// more than 64 MiB are refused. The package imports no other package of this module, so that any package may use it.
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

// Decode decodes the output of a command with --xml (glusterfs: cli/src/cli-xml-output.c) into out, which is a pointer as for
// encoding/xml. The parameter command is used in errors. Decode fails with a FailedError if gluster reports a failure.
func Decode(r io.Reader, command string, out any) error {
	data, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	if err != nil {
		return fmt.Errorf("read the output of gluster %s: %w", command, err)
	}
	if len(data) > mostBytes {
		return fmt.Errorf("the output of gluster %s has more than %d MiB", command, mostBytes>>20)
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
