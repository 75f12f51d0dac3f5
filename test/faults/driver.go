package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// backendName is the first part of the volume handles.
const backendName = "mock"

// driver is glusterfs-csi controller in a separate process.
type driver struct {
	csi.ControllerClient

	program string
	config  string
	socket  string
	log     string
	conn    *grpc.ClientConn
	child   *lab.Child
	metrics string // the URL of the metrics
}

// startDriver starts a driver with one backend, Heketi at url. All its files lie in dir.
func startDriver(ctx context.Context, program, dir, url string) (*driver, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(lab.HeketiKey), 0o600); err != nil {
		return nil, err
	}
	d := &driver{
		program: program, config: filepath.Join(dir, "config.yaml"),
		socket: filepath.Join(dir, "csi.sock"), log: filepath.Join(dir, "driver.log"),
	}
	config := fmt.Sprintf("backends:\n- name: %s\n  url: %s\n  user: %s\n  keyFile: %s\n", backendName, url, lab.HeketiUser, key)
	if err := os.WriteFile(d.config, []byte(config), 0o600); err != nil {
		return nil, err
	}
	var err error
	d.conn, err = grpc.NewClient("unix:"+d.socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1.5, MaxDelay: 50 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		return nil, err
	}
	d.ControllerClient = csi.NewControllerClient(d.conn)
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.conn.Close())
	}
	return d, nil
}

func (d *driver) start(ctx context.Context) error {
	output, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	from, err := output.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), d.program, "controller",
		"--endpoint=unix://"+d.socket, "--config="+d.config, "--metrics-address=127.0.0.1:0",
		"--state-dir="+filepath.Dir(d.config), "--late-requests="+lateRequests.String())
	cmd.Stdout, cmd.Stderr = output, output
	if d.child, err = lab.StartChild(cmd); err != nil {
		return err
	}
	return d.waitReady(ctx, from)
}

func (d *driver) waitReady(ctx context.Context, from int64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		d.metrics = metricsURL(d.log, from)
		_, err := d.ControllerGetCapabilities(ctx, &csi.ControllerGetCapabilitiesRequest{}, grpc.WaitForReady(true))
		if err == nil && d.metrics != "" {
			return nil
		}
		if !d.alive() || !wait(ctx, 2*time.Millisecond) {
			return errors.Join(fmt.Errorf("the driver does not answer (%w), the end of its log:\n%s", err, tail(d.log, from, 20)), d.child.Kill())
		}
	}
}

// metricsURL finds in the log the address of the driver's metrics.
func metricsURL(log string, from int64) string {
	for line := range strings.Lines(readFrom(log, from)) {
		if _, address, ok := strings.Cut(line, `"Serving metrics" address="`); ok {
			address, _, _ = strings.Cut(address, `"`)
			return "http://" + address + "/metrics"
		}
	}
	return ""
}

func readFrom(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return ""
	}
	content, _ := io.ReadAll(f)
	return string(content)
}

// size returns the position of the log's next line.
func (d *driver) size() int64 {
	info, err := os.Stat(d.log)
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail returns the last lines of a log after a position.
func tail(path string, from int64, lines int) string {
	all := strings.Split(strings.TrimSpace(readFrom(path, from)), "\n")
	return strings.Join(all[max(len(all)-lines, 0):], "\n")
}

func (d *driver) alive() bool {
	select {
	case <-d.child.Done():
		return false
	default:
		return true
	}
}

// stop ends the driver for good.
func (d *driver) stop() error { return errors.Join(d.conn.Close(), d.child.Kill()) }

// running returns, from the driver's metrics, the number of calls that it has begun and not answered, and of its running
// operations, which may outlive their calls.
func (d *driver) running(ctx context.Context) (calls, operations int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.metrics, http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		n, _ := strconv.Atoi(value)
		switch {
		case strings.HasPrefix(name, "grpc_server_started_total{"):
			calls += n
		case strings.HasPrefix(name, "grpc_server_handled_total{"):
			calls -= n
		case strings.HasPrefix(name, "glusterfs_csi_running_operations{"):
			operations += n
		}
	}
	return calls, operations, nil
}

// misdeeds returns lines that must not be in the driver's log: panics and secrets.
func (d *driver) misdeeds() []string {
	var found []string
	for line := range strings.Lines(readFrom(d.log, 0)) {
		for _, word := range []string{"panick", "panic:", "DATA RACE", lab.HeketiKey, "bearer "} {
			if strings.Contains(line, word) {
				found = append(found, "in the driver's log: "+strings.TrimSpace(line))
			}
		}
	}
	return found
}
