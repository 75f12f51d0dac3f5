package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// The two backends: the lab's Heketi, and one with the mock executor, for many volumes that no pod mounts.
const (
	Backend        = "production"
	ArchiveBackend = "archive"
)

// The classes of Values. DefaultClass has parameters in the form that kubernetes.io/glusterfs used; ArchiveClass belongs to
// ArchiveBackend.
const (
	DefaultClass = "glusterfs"
	ArchiveClass = "glusterfs-archive"
)

// The range of group ids for volumes of DefaultClass.
const (
	GIDMin = 40000
	GIDMax = 50000
)

// WrongKeySecret is the name of a Secret in namespace default that the controller may read, for classes that name their own
// Secret.
const WrongKeySecret = "heketi-wrong-key"

// Values returns the values of the chart.
func Values(ctx context.Context, c *kubernetes.Cluster) (map[string]any, error) {
	version, err := Version(ctx, c)
	if err != nil {
		return nil, err
	}
	heketi, second := c.Lab().Heketi(), c.Lab().SecondHeketi()
	gluster, err := clusterID(ctx, heketi)
	if err != nil {
		return nil, err
	}
	image := func(name string) map[string]any {
		return map[string]any{"image": map[string]any{"repository": Registry + "/" + name, "tag": version}}
	}
	return map[string]any{
		"controller": image(controllerImage),
		"node":       image(nodeImage),
		"backends": []any{
			map[string]any{"name": Backend, "url": heketi.URL, "key": lab.HeketiKey},
			map[string]any{"name": ArchiveBackend, "url": second.URL, "key": lab.HeketiKey},
		},
		"storageClasses": []any{
			map[string]any{"name": DefaultClass, "default": true, "parameters": map[string]any{
				"resturl": heketi.URL, "clusterid": gluster,
				"restauthenabled": "true", "restuser": lab.HeketiUser, "secretNamespace": "default", "secretName": "heketi-secret",
				"gidMin": strconv.Itoa(GIDMin), "gidMax": strconv.Itoa(GIDMax),
				"volumetype": "replicate:3", "volumenameprefix": "lab",
			}},
			map[string]any{"name": ArchiveClass, "parameters": map[string]any{"backend": ArchiveBackend}},
		},
		"classSecrets":    []any{map[string]any{"namespace": "default", "names": []any{WrongKeySecret}}},
		"storageCapacity": map[string]any{"pollInterval": "10s"},
		"logging":         map[string]any{"verbosity": 4},
	}, nil
}

// clusterID returns the id of the only cluster of a Heketi.
func clusterID(ctx context.Context, h *lab.Heketi) (string, error) {
	out, err := h.CLI(ctx, "cluster", "list", "--json")
	if err != nil {
		return "", err
	}
	var list struct {
		Clusters []string `json:"clusters"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return "", fmt.Errorf("read %q: %w", out, err)
	}
	if len(list.Clusters) != 1 {
		return "", fmt.Errorf("%s has %d clusters, want one", h.URL, len(list.Clusters))
	}
	return list.Clusters[0], nil
}

// Registry is the prefix under which "make images" names the driver's images.
const Registry = "docker.io/library"

const (
	controllerImage = "glusterfs-csi-controller"
	nodeImage       = "glusterfs-csi-node"
)

// Version returns the version of the driver's images on a node.
func Version(ctx context.Context, c *kubernetes.Cluster) (string, error) {
	const image = Registry + "/" + controllerImage + ":"
	names, err := c.Node(1).Images(ctx)
	if err != nil {
		return "", err
	}
	var versions []string
	for _, name := range names {
		if version, ok := strings.CutPrefix(name, image); ok {
			versions = append(versions, version)
		}
	}
	if len(versions) != 1 {
		return "", fmt.Errorf("the node must have one %s, and has the versions %q; build it with: make images", image, versions)
	}
	return versions[0], nil
}
