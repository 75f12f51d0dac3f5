package driver

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
)

func TestProbe(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "csi.sock")
	listener, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, &identityServer{name: DefaultName})
	go func() { _ = server.Serve(listener) }()
	if err := Probe(t.Context(), socket); err != nil {
		t.Error(err)
	}
	server.Stop()
	if err := Probe(t.Context(), socket); err == nil {
		t.Error("a driver that has stopped is alive")
	}
}

// A socket that nobody accepts on is what a process leaves that hangs.
func TestProbeOfAHangingProcess(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "csi.sock")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Probe(ctx, socket); err == nil {
		t.Error("it is alive")
	}
}
