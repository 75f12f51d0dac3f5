package registration

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/apimachinery/pkg/util/wait"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
)

const driverName = "glusterfs.csi.gluster.org"

// kubelet dials the socket like the kubelet's plugin manager: by path, with its own dialer.
func kubelet(t *testing.T, socket string) registerapi.RegistrationClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return registerapi.NewRegistrationClient(conn)
}

// startRegistration starts a Registration; stop stops it and returns the error of Serve.
func startRegistration(t *testing.T, dir string, retry time.Duration) (r *Registration, stop func() error) {
	t.Helper()
	r, err := Open(t.Context(), dir, driverName, "/var/lib/kubelet/plugins/x/csi.sock")
	if err != nil {
		t.Fatal(err)
	}
	r.delays = wait.Backoff{Duration: retry}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	return r, func() error { cancel(); return <-ended }
}

func notify(t *testing.T, client registerapi.RegistrationClient, status *registerapi.RegistrationStatus) {
	t.Helper()
	if _, err := client.NotifyRegistrationStatus(t.Context(), status); err != nil {
		t.Fatal(err)
	}
}

func TestRegistration(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "glusterfs.csi.gluster.org-reg.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false) // as after kill -9
	_ = stale.Close()

	r, stop := startRegistration(t, dir, time.Hour)
	client := kubelet(t, socket)
	info, err := client.GetInfo(t.Context(), &registerapi.InfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if info.GetType() != "CSIPlugin" || info.GetName() != driverName || info.GetEndpoint() != "/var/lib/kubelet/plugins/x/csi.sock" ||
		len(info.GetSupportedVersions()) != 1 || info.GetSupportedVersions()[0] != "1.0.0" {
		t.Errorf("%v", info)
	}
	select {
	case <-r.Registered():
		t.Error("registered before the kubelet said so")
	default:
	}
	for range 2 { // the second one is a kubelet that was restarted
		notify(t, client, &registerapi.RegistrationStatus{PluginRegistered: true})
		<-r.Registered()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// connectIdly opens a connection that ends when the socket is closed. The socket file's time is too coarse to detect that.
func connectIdly(t *testing.T, socket string) net.Conn {
	t.Helper()
	idle, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idle.Close() })
	const beginning, noSettings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // of HTTP/2
	if _, err := io.WriteString(idle, beginning+noSettings); err != nil {
		t.Fatal(err)
	}
	return idle
}

// refuse is a kubelet that refuses the driver, and waits until it is announced again.
func refuse(t *testing.T, socket string) {
	t.Helper()
	idle := connectIdly(t, socket)
	// The socket may be closed before the answer is sent, so the error is ignored.
	_, _ = kubelet(t, socket).NotifyRegistrationStatus(t.Context(), &registerapi.RegistrationStatus{Error: "no NodeGetInfo"})
	_, _ = io.Copy(io.Discard, idle)
	for {
		next, err := net.Dial("unix", socket)
		if err == nil {
			_ = next.Close()
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestRegistrationRefused: a refusal must not end the process, because the clients in its pod would end with it.
func TestRegistrationRefused(t *testing.T) {
	dir := t.TempDir()
	r, stop := startRegistration(t, dir, time.Millisecond)
	socket := Socket(dir, driverName)
	refuse(t, socket)
	notify(t, kubelet(t, socket), &registerapi.RegistrationStatus{PluginRegistered: true})
	<-r.Registered()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestRegistrationAfterRefusal: a kubelet that asks again by itself finds the same socket.
func TestRegistrationAfterRefusal(t *testing.T) {
	dir := t.TempDir()
	r, stop := startRegistration(t, dir, time.Hour)
	client := kubelet(t, Socket(dir, driverName))
	notify(t, client, &registerapi.RegistrationStatus{Error: "not yet"})
	notify(t, client, &registerapi.RegistrationStatus{PluginRegistered: true})
	<-r.Registered()
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestRegistrationPauses: the pauses grow from refusal to refusal, and are short again once the kubelet has accepted the driver.
func TestRegistrationPauses(t *testing.T) {
	dir := t.TempDir()
	r, err := Open(t.Context(), dir, driverName, "/x")
	if err != nil {
		t.Fatal(err)
	}
	pauses := r.delays
	for _, want := range []float64{5, 10, 20, 40, 80, 120, 120} {
		if got := pauses.Step().Seconds(); got != want {
			t.Errorf("a pause of %g s, want %g", got, want)
		}
	}
	r.delays = wait.Backoff{Duration: time.Millisecond, Factor: 1e9, Steps: 10}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	socket := Socket(dir, driverName)
	refuse(t, socket)
	notify(t, kubelet(t, socket), &registerapi.RegistrationStatus{PluginRegistered: true})
	refuse(t, socket)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRegistrationStays: once the kubelet has accepted the driver, an earlier refusal does not close the socket.
func TestRegistrationStays(t *testing.T) {
	const pause = 200 * time.Millisecond
	for range 5 { // a slow machine may be too late
		dir := t.TempDir()
		_, stop := startRegistration(t, dir, pause)
		socket := Socket(dir, driverName)
		idle, client := connectIdly(t, socket), kubelet(t, socket)
		_, _ = client.NotifyRegistrationStatus(t.Context(), &registerapi.RegistrationStatus{Error: "not yet"})
		_, _ = client.NotifyRegistrationStatus(t.Context(), &registerapi.RegistrationStatus{PluginRegistered: true})
		_ = idle.SetReadDeadline(time.Now().Add(2 * pause))
		_, err := io.Copy(io.Discard, idle)
		if stopErr := stop(); stopErr != nil {
			t.Error(stopErr)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
	t.Error("the socket was closed each time")
}

func TestRegistrationRefusesALiveSocket(t *testing.T) {
	dir := t.TempDir()
	_, stop := startRegistration(t, dir, time.Hour)
	if _, err := Open(t.Context(), dir, driverName, "/x"); err == nil {
		t.Error("two processes register one driver")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestReopeningEnds: reopen returns when its context is done.
func TestReopeningEnds(t *testing.T) {
	r := &Registration{path: filepath.Join(t.TempDir(), "missing", "reg.sock")}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if r.reopen(ctx, &wait.Backoff{Duration: time.Millisecond}) {
		t.Error("it was opened")
	}
}

// TestNotifyWithoutTime: the call returns when the kubelet has gone away.
func TestNotifyWithoutTime(t *testing.T) {
	s := &registrationServer{info: &registerapi.PluginInfo{}, statuses: make(chan bool)}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if answer, err := s.NotifyRegistrationStatus(ended, &registerapi.RegistrationStatus{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", answer, err)
	}
}

// TestServingEnds: a closed listener ends Serve with an error.
func TestServingEnds(t *testing.T) {
	listener, err := unixsocket.Listen(t.Context(), filepath.Join(t.TempDir(), "reg.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	r := &Registration{path: "/x", info: &registerapi.PluginInfo{}, listener: listener, registered: make(chan struct{})}
	if err := r.Serve(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "serving on /x: ") {
		t.Errorf("%v", err)
	}
}
