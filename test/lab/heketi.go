package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// Ports of the Heketi servers on the hub.
const (
	heketiPort       = "8080"
	secondHeketiPort = "8081"
)

// HeketiUser and HeketiKey are the administrator's credentials on all Heketis of the lab.
const (
	HeketiUser = "admin"
	HeketiKey  = "lab-admin-key"
)

const rebalance = "HEKETI_GLUSTERAPP_REBALANCE_ON_EXPANSION"

// Rebalancing is a variable for WithEnv. It makes a Heketi rebalance each volume after an expansion, which is Heketi's default.
const Rebalancing = rebalance + "=true"

// Heketi is a Heketi server on the hub.
type Heketi struct {
	*Service
	// URL is its address on the lab's network; Lab.DialContext connects there.
	URL string
	// CLIPath is the path of heketi-cli.
	CLIPath string
}

// HeketiCLI runs heketi-cli as the administrator of a Heketi or MockHeketi.
type HeketiCLI interface {
	CLI(ctx context.Context, args ...string) ([]byte, error)
}

// Heketi returns the lab's Heketi server.
func (l *Lab) Heketi() *Heketi { return l.heketi("heketi", heketiPort) }

func (l *Lab) heketi(name, port string) *Heketi {
	address := net.JoinHostPort(machine.HubIP, port)
	return &Heketi{
		Service: &Service{
			machine: l.Hub(), name: name,
			args: []string{l.setup.Heketi, "--config=" + l.layout.Path("heketi", name+".json")},
			// The rebalance that Heketi starts after an expansion blocks Heketi for ten seconds, even on empty bricks.
			// Rebalancing turns it on again.
			env: append([]string{rebalance + "=false"}, l.setup.HeketiEnv...),
			ready: func(ctx context.Context) error {
				return hello(ctx, &http.Client{Transport: &http.Transport{DialContext: l.DialContext, DisableKeepAlives: true}}, "http://"+address)
			},
		},
		URL:     "http://" + address,
		CLIPath: l.setup.HeketiCLI,
	}
}

// CLI runs heketi-cli as the administrator.
func (h *Heketi) CLI(ctx context.Context, args ...string) ([]byte, error) {
	cmd := h.machine.Command(ctx, h.CLIPath, args...)
	cmd.Env = append(machine.Environ(h.machine.lab.layout), heketiCLIEnv(h.URL)...)
	return output(cmd, append([]string{"heketi-cli"}, args...))
}

// KeyFile returns a file with HeketiKey.
func (h *Heketi) KeyFile() string { return h.machine.lab.layout.Path("heketi", "heketi.key") }

// DB returns the path of Heketi's database on the host. It exists while the hub lives.
func (h *Heketi) DB(ctx context.Context) (string, error) {
	pid, err := h.machine.Pid(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/%d/root%s", pid, heketiDB), nil
}

// heketiDB lies on the hub's tmpfs: Heketi syncs it about twenty times for each volume, which on a slow disk takes longer than
// everything else.
const heketiDB = "/run/heketi.db"

func (h *Heketi) writeFiles() error {
	path := h.machine.lab.layout.Path
	config := heketiConfig(heketiPort, map[string]any{
		"executor": "ssh",
		"sshexec": map[string]any{
			"keyfile": path("ssh", "key"), "user": "root", "port": "22", "fstab": "/var/lib/heketi/fstab",
		},
		"db":       heketiDB,
		"loglevel": "debug", // log each command on a storage node, with its output
	})
	if err := writeJSON(path("heketi", "heketi.json"), config); err != nil {
		return err
	}
	return os.WriteFile(h.KeyFile(), []byte(HeketiKey), 0o600)
}

func (h *Heketi) loadTopology(ctx context.Context) error {
	addresses := make([]string, 0, StorageNodes)
	for i := 1; i <= StorageNodes; i++ {
		addresses = append(addresses, storageIP(i))
	}
	return loadTopology(ctx, h, h.machine.lab.layout.Path("heketi", "topology.json"), addresses, 1)
}

func heketiConfig(port string, glusterfs map[string]any) map[string]any {
	return map[string]any{
		"port":      port,
		"use_auth":  true,
		"jwt":       map[string]any{"admin": map[string]any{"key": HeketiKey}, "user": map[string]any{"key": "lab-user-key"}},
		"glusterfs": glusterfs,
	}
}

// loadTopology adds a cluster to a Heketi: a node at each address, each in a separate zone, with the given number of disks. file
// is the path from which heketi-cli reads the topology.
func loadTopology(ctx context.Context, h HeketiCLI, file string, addresses []string, devices int) error {
	disks := make([]string, 0, devices)
	for i := range devices {
		disks = append(disks, fmt.Sprintf("/dev/disk%d", i))
	}
	nodes := make([]any, 0, len(addresses))
	for i, address := range addresses {
		nodes = append(nodes, map[string]any{
			"node": map[string]any{
				"hostnames": map[string]any{"manage": []string{address}, "storage": []string{address}},
				"zone":      i + 1,
			},
			"devices": disks,
		})
	}
	if err := writeJSON(file, map[string]any{"clusters": []any{map[string]any{"nodes": nodes}}}); err != nil {
		return err
	}
	out, err := h.CLI(ctx, "topology", "load", "--json="+file)
	if err != nil {
		return err
	}
	// heketi-cli exits with status 0 even if a disk could not be added.
	if added, want := strings.Count(string(out), "... OK"), len(addresses)*devices; added != want {
		return fmt.Errorf("%d of %d disks added:\n%s", added, want, out)
	}
	return nil
}

func heketiCLIEnv(url string) []string {
	return []string{"HEKETI_CLI_SERVER=" + url, "HEKETI_CLI_USER=" + HeketiUser, "HEKETI_CLI_KEY=" + HeketiKey}
}

// hello checks that Heketi answers, which needs no credentials.
func hello(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/hello", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /hello: %s", resp.Status)
	}
	return nil
}

// output returns the standard output of a command. An error contains called, which is the command line as the user knows it, and
// the command's whole output.
func output(cmd *exec.Cmd, called []string) ([]byte, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out, fmt.Errorf("%s: %w: %s", strings.Join(called, " "), err, strings.TrimSpace(string(exit.Stderr)+string(out)))
	}
	return out, err
}
