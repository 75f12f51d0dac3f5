package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// reader follows docs/storage-nodes.md, in a directory with the files of docs/day-one.md.
type reader struct{ dir string }

func newReader(i installed) reader {
	i.Helper()
	dir, err := tutorial.ReaderDir(cluster, root)
	if err != nil {
		i.Fatal(err)
	}
	r := reader{dir}
	nodes := firstNodes(lab.BareDevices()[:1])
	r.writeNodes(i.T, nodes)
	values := i.chartValues(nodes)
	delete(values, "nodes")
	data, err := json.Marshal(values)
	if err != nil {
		i.Fatal(err)
	}
	r.write(i.T, "my-values.yaml", string(data))
	r.does(i.Context(), i.T, "Before you begin", nil)
	return r
}

// writeNodes writes the file with the nodes, in the form that the documents show.
func (r reader) writeNodes(t *testing.T, l layout) {
	t.Helper()
	text := []byte("nodes:\n")
	for _, n := range slices.Sorted(maps.Keys(l)) {
		node := cluster.StorageNode(n)
		text = fmt.Appendf(text, "  - {name: %s, address: %s, zone: %d, devices: [%s]}\n", node.Name, node.Machine.IP, n, strings.Join(l[n], ", "))
	}
	r.write(t, "my-nodes.yaml", string(text))
}

func (r reader) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// does runs the commands of a section with the reader's own values.
func (r reader) does(ctx context.Context, t *testing.T, section string, yours map[string]string) {
	t.Helper()
	if err := tutorial.SectionInLab(ctx, cluster, root, r.dir, filepath.Join("docs", "storage-nodes.md"), section, yours, t.Output()); err != nil {
		t.Fatal(err)
	}
}
