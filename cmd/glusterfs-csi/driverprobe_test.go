package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
)

func TestProbe(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "csi.sock")
	listener, err := unixsocket.Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, identity{answer: &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}})
	go func() { _ = server.Serve(listener) }()
	if err := probeDriver(t.Context(), socket); err != nil {
		t.Error(err)
	}
	server.Stop()
	if err := probeDriver(t.Context(), socket); err == nil {
		t.Error("a driver that has stopped is alive")
	}
}

// A process that hangs leaves a socket on which it does not accept connections.
func TestProbeOfAHangingProcess(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "csi.sock")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := probeDriver(ctx, socket); err == nil {
		t.Error("it is alive")
	}
}

// identity answers Probe with a preset response.
type identity struct {
	csi.UnimplementedIdentityServer
	answer *csi.ProbeResponse
}

func (i identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return i.answer, nil
}

// TestProbeAnswers: by the CSI spec, a driver that leaves ready unset is ready.
func TestProbeAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer *csi.ProbeResponse
		want   bool
	}{
		"nothing":   {&csi.ProbeResponse{}, true},
		"ready":     {&csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, true},
		"not ready": {&csi.ProbeResponse{Ready: wrapperspb.Bool(false)}, false},
	} {
		socket := filepath.Join(t.TempDir(), "csi.sock")
		listener, err := unixsocket.Listen(t.Context(), socket)
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		csi.RegisterIdentityServer(server, identity{answer: tt.answer})
		go func() { _ = server.Serve(listener) }()
		if err := probeDriver(t.Context(), socket); (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
		server.Stop()
	}
	if err := probeDriver(t.Context(), "\x7f%zz"); err == nil {
		t.Error("no socket's path was probed")
	}
}
