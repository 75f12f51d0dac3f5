package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// probeDriver checks that the driver behind the socket is alive. It makes a new connection, because a driver that no longer accepts
// connections must fail the check, too. It checks nothing outside the driver's process.
func probeDriver(ctx context.Context, socket string) error {
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := csi.NewIdentityClient(conn).Probe(ctx, &csi.ProbeRequest{})
	switch {
	case err != nil:
		return fmt.Errorf("Identity.Probe on %s: %w", socket, err)
	case answer.GetReady() != nil && !answer.GetReady().GetValue():
		return errors.New("Identity.Probe: not ready")
	}
	return nil
}
