package fuseclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// ClusterServers maps Heketi clusters to the servers that clients of their volumes use. These servers replace the ones in a
// PersistentVolume, which names the servers that existed when it was created.
type ClusterServers map[string][]string

// The method of returns a volume's servers in the configured order.
func (c ClusterServers) of(source mount.Source) []string {
	servers := slices.Clone(source.Servers)
	if current, ok := c[source.Cluster]; ok {
		servers = slices.Clone(current)
	}
	for _, server := range source.Options.BackupServers() {
		if !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers
}

func clusterServersPath(stateDir string) string { return filepath.Join(stateDir, "servers.json") }

// ReadClusterServers returns the Config.Servers of the last node plugin with this state directory. It returns an empty map if
// there were none.
func ReadClusterServers(stateDir string) (ClusterServers, error) {
	var servers ClusterServers
	data, err := os.ReadFile(clusterServersPath(stateDir)) //nolint:gosec // of the node plugin
	if errors.Is(err, fs.ErrNotExist) {
		return ClusterServers{}, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &servers)
	}
	if err != nil {
		return nil, fmt.Errorf("read the servers of clusters: %w", err)
	}
	return servers, nil
}

// write writes the servers for ReadClusterServers. Without servers there is no file.
func (c ClusterServers) write(stateDir string) error {
	path := clusterServersPath(stateDir)
	if len(c) == 0 {
		return removeFile(path)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return writeFile(path, append(data, '\n'))
}
