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

// The stages. Reading has only the first.
const (
	StageRequest Stage = "request" // the request itself
	StagePoll    Stage = "poll"    // asking whether the accepted operation has ended
	StageResult  Stage = "result"  // fetching or reading what a finished operation or good answer holds
)

// Outcome is what a failed create, expand or delete has done.
type Outcome int

// The outcomes. Only Refused and Failed allow a conclusion.
const (
	Refused Outcome = iota // nothing was begun
	Failed                 // it was begun, did not succeed, and Heketi has said so
	Unknown                // it may be running, done, or waiting to be undone
)

// Error is a request that Heketi, or something on the way to it, did not grant. It wraps
// one of package volume's errors. It never holds a key or token.
type Error struct {
	Backend string
	URL     string
	Method  string
	Path    string
	Stage   Stage
	Status  int    // HTTP status, 0 without a (whole) answer
	Text    string // the answer, on one line, cut
	Err     error  // what went wrong without an answer

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

// Unwrap gives the domain's error, a more exact one of this package if there is one, and the cause.
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

// OutcomeOf says what a failed CreateVolume, ExpandVolume or DeleteVolume has done. An error that did
// not come from a request (no slot, no key) has begun nothing.
func OutcomeOf(err error) Outcome {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return Refused
	}
	switch e.Stage {
	case StagePoll:
		// Heketi answers 500 for an operation that has failed, and only once. Anything else
		// came from a server that has forgotten the operation, or did not come from Heketi.
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

// MayBeLate reports whether the request that err is about was sent, was not answered by Heketi, and so may still be
// carried out later. An operation that Heketi has accepted is not meant: Heketi's records show it.
func MayBeLate(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Stage == StageRequest && OutcomeOf(err) == Unknown
}

// panicked reports whether Heketi has crashed in the request, which says nothing about an operation.
func (e *Error) panicked() bool { return strings.HasPrefix(e.Text, "PANIC: ") }

func (e *Error) neverArrived() bool {
	op, ok := errors.AsType[*net.OpError](e.Err)
	return ok && op.Op == "dial"
}

// refusal reports whether the answer is Heketi's own "no", given before it begins
// anything. A gateway's 5xx is not, nor is a panic.
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

// What of the texts of a server is shown at most, in bytes.
const (
	longestText = 600
	longestName = 200 // of ids, paths and lists of them
)

// oneLine makes the answer fit for a log and an event: Heketi joins several causes by
// newlines, and answers with a stack trace when it panics.
func oneLine(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "PANIC") {
		text, _, _ = strings.Cut(text, "\n")
	}
	return plain.Line(text, longestText)
}

// Hint is what can be done about the error, as the end of its text says it; "" if that is not known.
func (e *Error) Hint() string { return e.rule.hint }

// Reason returns what Heketi has answered, without what surrounds it in the text of the error; or that text, if err is
// not about an answer of Heketi.
func Reason(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Text == "" {
		return err.Error()
	}
	return e.Text
}
