package heketi

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// Stage is the part of a call that failed.
type Stage string

// The stages. Calls that only read have no StagePoll.
const (
	StageRequest Stage = "request" // the request itself
	StagePoll    Stage = "poll"    // polling the accepted operation
	StageResult  Stage = "result"  // fetching or decoding the result of a finished operation, or decoding a good answer
)

// Outcome is the effect of a failed create, expand or delete.
type Outcome int

// The outcomes. Only Refused and Failed allow conclusions.
const (
	Refused Outcome = iota // nothing was begun
	Failed                 // it was begun and did not succeed, according to Heketi
	Unknown                // it may be running, done, or waiting to be undone
)

// Error is returned when Heketi, or a server in between, does not grant a request. It wraps one of package volume's errors. It
// never contains a key or token.
type Error struct {
	Backend string
	URL     string
	Method  string
	Path    string
	Stage   Stage
	Status  int    // HTTP status; 0 without a (whole) answer
	Text    string // the answer, on one line, truncated
	Err     error  // the failure if there was no answer

	rule rule
}

func (b *Backend) newError(method, path string, stage Stage, status int, text string, err error) *Error {
	e := &Error{
		Backend: b.config.Name, URL: b.config.URL,
		Method: method, Path: path, Stage: stage, Status: status, Text: oneLine(text), Err: err,
	}
	e.rule = translate(e)
	return e
}

func (e *Error) Error() string {
	what := e.Text
	switch {
	case e.Err != nil:
		what = plain.Line(e.Err.Error(), longestText) // it may quote a certificate or an answer
	case what == "":
		what = "empty answer"
	}
	if e.Status != 0 {
		what = fmt.Sprintf("%s (HTTP %d)", what, e.Status)
	}
	message := fmt.Sprintf("%v: heketi %q (%s): %s %s: %s", e.rule.kind, e.Backend, e.URL, e.Method, plain.Line(e.Path, longestName), what)
	if e.rule.hint != "" {
		message += "; " + e.rule.hint
	}
	return message
}

// Unwrap returns the error of package volume, a more exact one of this package if there is one, and the cause.
func (e *Error) Unwrap() []error {
	errs := []error{e.rule.kind}
	if e.rule.exactly != nil {
		errs = append(errs, e.rule.exactly)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// OutcomeOf returns the effect of a failed CreateVolume, ExpandVolume or DeleteVolume. An error from before the request (no slot,
// no key) means that nothing was begun.
func OutcomeOf(err error) Outcome {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return Refused
	}
	switch e.Stage {
	case StagePoll:
		// Heketi answers 500 for an operation that has failed, and only once. Any other answer came from a server that has forgotten
		// the operation, or from another server.
		if e.Status == http.StatusInternalServerError && !e.panicked() {
			return Failed
		}
	case StageRequest:
		if e.neverArrived() || e.refusal() {
			return Refused
		}
	case StageResult:
	}
	return Unknown
}

// MayBeLate reports whether the request of err was sent, has no answer from Heketi, and may therefore still be carried out. It is
// false for an operation that Heketi has accepted, because Heketi's records show such an operation.
func MayBeLate(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Stage == StageRequest && OutcomeOf(err) == Unknown
}

// panicked reports whether Heketi has panicked in the request, which proves nothing about an operation.
func (e *Error) panicked() bool { return strings.HasPrefix(e.Text, "PANIC: ") }

func (e *Error) neverArrived() bool {
	op, ok := errors.AsType[*net.OpError](e.Err)
	return ok && op.Op == "dial"
}

// refusal reports whether Heketi has refused the request before it began anything. A gateway's 5xx and a panic are no refusals.
func (e *Error) refusal() bool {
	switch {
	case e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout:
		return true
	case e.Status == http.StatusServiceUnavailable:
		return strings.Contains(e.Text, "Service disabled for maintenance")
	case e.Status == http.StatusInternalServerError:
		return strings.HasPrefix(e.Text, "Failed to allocate") || strings.HasPrefix(e.Text, "Failed to set up")
	}
	return false
}

// The maximum length of quoted server texts, in bytes.
const (
	longestText = 600
	longestName = 200 // of ids, paths and lists of them
)

// oneLine makes an answer fit for logs and events. Heketi joins several causes with newlines, and answers with a stack trace when
// it has panicked.
func oneLine(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "PANIC") {
		text, _, _ = strings.Cut(text, "\n")
	}
	return plain.Line(text, longestText)
}

// Hint returns the advice at the end of the error's text, or "" if there is none.
func (e *Error) Hint() string { return e.rule.hint }

// Reason returns Heketi's answer without the rest of the error's text. If err does not contain an answer of Heketi, it returns
// the whole text.
func Reason(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Text == "" {
		return err.Error()
	}
	return e.Text
}
