package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mockDevices is the number of disks on each mock node, of 500 GiB each (Heketi's mock executor fixes that size).
const mockDevices = 4

// MockHeketi is a real Heketi with a mock executor, for thousands of fast operations without root. Its credentials are HeketiUser
// and HeketiKey. Cloning a volume makes it panic, which is a bug of its mock executor.
type MockHeketi struct {
	// URL is its address on the loopback interface.
	URL string
	// CLIPath is the path of heketi-cli.
	CLIPath string
	// Log is the file with the output of the server.
	Log string

	server   string
	dir      string
	config   map[string]any // the content of heketi.json, which Start writes
	caFile   string         // "" means no TLS
	args     []string       // the program's arguments, besides --config
	port     *Port
	clusters int
	db       *os.File
	child    *Child
}

// StartMockHeketi starts a Heketi with one cluster of three nodes. Its configuration and log lie in dir, its database in memory.
// It ends with Stop, or with the calling process, however that ends.
func StartMockHeketi(ctx context.Context, dir string) (*MockHeketi, error) {
	binaries, err := BuildHeketi(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// On disk, the database would be synced about twenty times for each volume, which can take longer than everything else.
	fd, err := unix.MemfdCreate("heketi.db", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("database in memory: %w", err)
	}
	db := os.NewFile(uintptr(fd), "heketi.db")
	port, err := HoldPort()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	m := &MockHeketi{
		CLIPath: binaries.CLI, Log: filepath.Join(dir, "heketi.log"),
		server: binaries.Server, dir: dir, config: heketiConfig(port.Number, mockConfig("/proc/self/fd/3")),
		port: port, db: db,
	}
	m.URL = "http://" + port.Address()
	if err := m.Start(ctx); err != nil {
		return nil, errors.Join(err, port.Close(), db.Close())
	}
	if err := m.AddCluster(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("mock Heketi: %w", err), m.Stop())
	}
	return m, nil
}

// mockConfig returns the section "glusterfs" of the configuration of a Heketi with a mock executor.
func mockConfig(db string) map[string]any {
	return map[string]any{"executor": "mock", "db": db, "loglevel": "warning"}
}

// mockNodes returns the addresses of the i-th cluster of a Heketi with a mock executor. No server has these addresses.
func mockNodes(i int) []string {
	return []string{fmt.Sprintf("10.0.%d.1", i), fmt.Sprintf("10.0.%d.2", i), fmt.Sprintf("10.0.%d.3", i)}
}

// AddCluster adds a cluster of three nodes.
func (m *MockHeketi) AddCluster(ctx context.Context) error {
	m.clusters++
	file := filepath.Join(m.dir, fmt.Sprintf("topology-%d.json", m.clusters))
	return loadTopology(ctx, m, file, mockNodes(m.clusters), mockDevices)
}

// Reconfigure restarts the Heketi on the same port with the same database, with other settings in the section "glusterfs" of its
// configuration.
func (m *MockHeketi) Reconfigure(ctx context.Context, settings map[string]any) error {
	maps.Copy(m.config["glusterfs"].(map[string]any), settings)
	return m.restart(ctx)
}

// WithoutKeys restarts the Heketi without authentication.
func (m *MockHeketi) WithoutKeys(ctx context.Context) error {
	m.args = []string{"--disable-auth"}
	return m.restart(ctx)
}

func (m *MockHeketi) restart(ctx context.Context) error {
	if err := m.Kill(); err != nil {
		return err
	}
	return m.Start(ctx)
}

// Start starts the Heketi again after Kill, on the same port with the same database.
func (m *MockHeketi) Start(ctx context.Context) error {
	config := filepath.Join(m.dir, "heketi.json")
	if err := writeJSON(config, m.config); err != nil {
		return err
	}
	log, err := os.OpenFile(m.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), m.server, append(m.args, "--config="+config)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{m.db}
	if m.child, err = StartChild(cmd); err != nil {
		return err
	}
	return m.waitReady(ctx)
}

func (m *MockHeketi) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- it only checks that the server answers, and sends no secret
	}}
	for {
		err := hello(ctx, client, m.URL)
		select {
		case <-m.child.Done(): // checked before the answer is used, which may come from another server
			return fmt.Errorf("mock Heketi ended while it was starting; the end of %s:\n%s", m.Log, tail(m.Log))
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-m.child.Done():
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("mock Heketi does not answer: %w", err), m.Kill())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// UseTLS restarts the Heketi with a certificate, on the same port. caFile holds the authority's certificate, which CLI trusts.
func (m *MockHeketi) UseTLS(ctx context.Context, certFile, keyFile, caFile string) error {
	m.config["enable_tls"], m.config["cert_file"], m.config["key_file"] = true, certFile, keyFile
	m.URL, m.caFile = "https://"+m.port.Address(), caFile
	return m.restart(ctx)
}

// Pause stops the process until Resume. Its connections stay open, with the requests in them.
func (m *MockHeketi) Pause() error { return m.child.Signal(syscall.SIGSTOP) }

// Resume continues the process.
func (m *MockHeketi) Resume() error { return m.child.Signal(syscall.SIGCONT) }

// Kill kills the process; the database stays.
func (m *MockHeketi) Kill() error { return m.child.Kill() }

// Stop ends the Heketi for good.
func (m *MockHeketi) Stop() error { return errors.Join(m.Kill(), m.port.Close(), m.db.Close()) }

// CLI runs heketi-cli as the administrator.
func (m *MockHeketi) CLI(ctx context.Context, args ...string) ([]byte, error) {
	if m.caFile != "" {
		args = append([]string{"--tls-cert=" + m.caFile}, args...)
	}
	cmd := exec.CommandContext(ctx, m.CLIPath, args...)
	cmd.Env = append(os.Environ(), heketiCLIEnv(m.URL)...)
	return output(cmd, append([]string{"heketi-cli"}, args...))
}
