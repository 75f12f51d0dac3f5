package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// explain adds to the error of a request what to do about it. needs names the permission for a ClusterRole, such as "list
// persistentvolumes".
func (c *Client) explain(err error, needs string) error {
	transport, unreachable := errors.AsType[*url.Error](err)
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w: a ClusterRole that is bound to it must allow: %s", err, needs)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("API server %s does not accept the credentials: %w: make new ones, those of the kubeconfig file may have expired", c.host, err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("API server %s does not answer in time: %w: is it running, and is its address right?", c.host, err)
	case unreachable:
		return fmt.Errorf("API server %s cannot be reached: %w: is it running, and are its address and certificate authority right?", c.host, transport.Err)
	}
	return fmt.Errorf("API server %s: %w", c.host, err)
}
