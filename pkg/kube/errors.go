package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ErrNoAnswer is returned for a request that got no complete answer, for example because the connection was lost. It is unknown
// whether the API server has carried out the request. A repetition can succeed.
var ErrNoAnswer = errors.New("no answer from the API server")

// unanswered makes an error an ErrNoAnswer for errors.Is, without changing the error's text.
type unanswered struct{ error }

// Is implements the interface that errors.Is uses.
func (unanswered) Is(target error) bool { return target == ErrNoAnswer }

// Unwrap returns the error itself.
func (u unanswered) Unwrap() error { return u.error }

// explain adds advice to the error of a request. The parameter needs is the permission that a ClusterRole
// must grant, such as "list persistentvolumes".
func (c *Client) explain(err error, needs string) error {
	transport, unreachable := errors.AsType[*url.Error](err)
	switch {
	case err == nil:
		return nil
	case isUnauthorizedUser(err):
		return fmt.Errorf("%w: a ClusterRole that is bound to this user must allow: %s", err, needs)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("API server %s does not accept the credentials: %w: make new credentials; those in the kubeconfig file may have expired", c.host, err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return unanswered{fmt.Errorf("API server %s does not answer in time: %w: is it running, and is its address right?", c.host, err)}
	case unreachable:
		err = fmt.Errorf("API server %s cannot be reached: %w: is it running, and are its address and certificate authority right?", c.host, transport.Err)
		if _, certificate := errors.AsType[*tls.CertificateVerificationError](transport.Err); certificate {
			return err // a repetition would fail in the same way
		}
		return unanswered{err}
	case strings.Contains(err.Error(), "when reading response body"): // client-go has no type for it
		return unanswered{fmt.Errorf("API server %s: %w", c.host, err)}
	}
	return fmt.Errorf("API server %s: %w", c.host, err)
}

// isUnauthorizedUser reports whether a request was refused by the API server's authorizer, so that another permission would help.
// Quotas, webhooks and a namespace that is being deleted refuse requests with the same code. Only the authorizer's text names the
// user.
func isUnauthorizedUser(err error) bool {
	text := err.Error()
	return apierrors.IsForbidden(err) && strings.Contains(text, `User "`) && strings.Contains(text, " cannot ")
}
