package heketi

import (
	"context"
	"net/http"
	"slices"

	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// Operation is an operation that Heketi has begun and not finished.
type Operation struct {
	ID      string
	Type    string
	Status  string   // as in DumpOperation
	Objects []string // ids of the volumes and bricks that it makes, changes or removes
}

// The types of operations that matter here (heketi: apps/glusterfs/pendingop.go).
const (
	OperationCreateVolume = "create-volume"
	OperationDeleteVolume = "delete-volume"
	OperationExpandVolume = "expand-volume"
)

// Touches reports whether the operation concerns the volume or one of its bricks.
func (o Operation) Touches(v Volume) bool {
	return slices.ContainsFunc(o.Objects, func(id string) bool { return id == v.ID || slices.Contains(v.Bricks, id) })
}

// Operation returns an unfinished operation. ErrNotFound is returned when it has ended.
func (c *Client) Operation(ctx context.Context, id string) (Operation, error) {
	client, err := c.api(ctx, nil)
	if err != nil {
		return Operation{}, err
	}
	details, err := client.PendingOperationDetails(id)
	if err == nil && details.Id != id {
		err = errNoOperation
	}
	if err != nil {
		return Operation{}, c.typed(err, http.MethodGet, "/operations/pending/"+id)
	}
	op := Operation{ID: id, Type: details.TypeName, Status: details.Status}
	for _, change := range details.Changes {
		op.Objects = append(op.Objects, change.Id)
	}
	return op, nil
}

// Operations lists the unfinished operations, without the ids of their volumes and bricks.
func (c *Client) Operations(ctx context.Context) ([]Operation, error) {
	client, err := c.api(ctx, nil)
	if err != nil {
		return nil, err
	}
	list, err := client.PendingOperationList()
	if err == nil && list.PendingOperations == nil {
		err = errNoOperation // Heketi writes an empty list
	}
	if err != nil {
		return nil, c.typed(err, http.MethodGet, "/operations/pending")
	}
	operations := make([]Operation, 0, len(list.PendingOperations))
	for _, op := range list.PendingOperations {
		operations = append(operations, Operation{ID: op.Id, Type: op.TypeName, Status: op.Status})
	}
	return operations, nil
}

// Unrecorded returns how many requests Heketi has begun and not yet recorded as operations. They have already passed Heketi's
// check of tokens (heketi: apps/glusterfs/app_operations.go, OperationsInfo).
func (c *Client) Unrecorded(ctx context.Context) (int, error) {
	client, err := c.api(ctx, nil)
	if err != nil {
		return 0, err
	}
	info, err := client.OperationsInfo()
	if err != nil {
		return 0, c.typed(err, http.MethodGet, "/operations")
	}
	return int(info.InFlight) - int(info.New), nil
}

// CleanUp makes Heketi undo or finish one stale or failed operation, and waits for it, in one of the backend's operation slots. A
// create is undone, a delete is finished. A nil error means only that Heketi has tried.
func (c *Client) CleanUp(ctx context.Context, operationID string) error {
	return c.backend.operate(ctx, "cleanup", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := client.PendingOperationCleanUp(&api.PendingOperationsCleanRequest{Operations: []string{operationID}}); err != nil {
			return c.typed(err, http.MethodPost, "/operations/pending/cleanup")
		}
		return nil
	})
}
