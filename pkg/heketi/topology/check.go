package topology

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"strings"
)

// check returns the mistakes in the values of a topology whose fields the reader has accepted. charts/glusterfs-storage has the
// same rules, and test/chart compares them. The rules are strict because Heketi runs commands as root that contain these names,
// and Heketi's own check is not strict enough for that.
func check(t Topology) []error {
	c := &checker{names: map[string]string{}, addresses: map[string]string{}}
	if len(t.Nodes()) == 0 {
		c.mistake(`it has no nodes: write "clusters": [{"nodes": [...]}] with one entry for each storage node`)
	}
	for i, cluster := range t.Clusters {
		if len(cluster.Nodes) == 0 && len(t.Nodes()) > 0 {
			c.mistake("clusters[%d]: it has no nodes: add some, or remove the cluster", i)
		}
		for j, n := range cluster.Nodes {
			c.node(n, fmt.Sprintf("clusters[%d].nodes[%d]", i, j))
		}
	}
	return c.mistakes
}

type checker struct {
	mistakes  []error
	names     map[string]string // of nodes, with the place where each was first used
	addresses map[string]string
}

func (c *checker) mistake(format string, args ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf(format, args...))
}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)
	deviceName = regexp.MustCompile(`^/dev/[A-Za-z0-9_.:/-]{1,250}$`) // heketi: pkg/glusterfs/api/types.go, deviceNameRe
	tagName    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`)         // from the same file, ValidateTags
)

const longestTag = 64 // from the same file, in characters

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && !strings.Contains(s, "%") || hostName.MatchString(s)
}

func (c *checker) node(n Node, at string) {
	for _, name := range n.Manage {
		if !isHost(name) {
			c.mistake("%s: %q is not a valid node name: letters, digits, dots and hyphens are allowed", at, name)
		}
		if first := firstUse(c.names, name, at); first != "" {
			c.mistake("node %s occurs twice: in %s and in %s; list its devices in one place", name, first, at)
		}
	}
	for _, address := range n.Storage {
		ip, _ := netip.ParseAddr(address)
		switch {
		case !isHost(address):
			c.mistake("%s (%s): %q is not an address: write the IP address or host name by which the other storage nodes reach it", at, n.Name(), address)
		case strings.EqualFold(address, "localhost") || ip.IsLoopback() || ip.IsUnspecified():
			c.mistake("%s (%s): %s is every machine's own address: write the one by which the other storage nodes reach it", at, n.Name(), address)
		}
		if first := firstUse(c.addresses, address, at); first != "" {
			c.mistake("address %s occurs twice: in %s and in %s; give each node a different one", address, first, at)
		}
	}
	c.tags(n.Tags, at, n.Name())
	seen := map[string]bool{}
	for i, d := range n.Devices {
		at := fmt.Sprintf("%s.devices[%d] (%s)", at, i, n.Name())
		name := path.Clean(d.Name)
		switch {
		case !deviceName.MatchString(d.Name) || !deviceName.MatchString(name):
			c.mistake(`%s: %q is not a device path: write one such as /dev/sdb or /dev/disk/by-id/NAME`, at, d.Name)
		case seen[name]:
			c.mistake("%s: device %s occurs twice on this node: remove one of the two", at, d.Name)
		}
		seen[name] = true
		c.tags(d.Tags, at, d.Name)
	}
}

// firstUse returns the place where the name was used before, or "".
func firstUse(seen map[string]string, name, at string) (first string) {
	key := strings.ToLower(name)
	if first, again := seen[key]; again && first != at {
		return first
	}
	seen[key] = at
	return ""
}

func (c *checker) tags(tags map[string]string, at, of string) {
	for name, text := range tags {
		if !tagName.MatchString(name) || len([]rune(text)) > longestTag {
			c.mistake("%s: tag %.40q of %s: a name has 1 to 32 letters, digits, dots, hyphens and underscores, a value at most %d characters", at, name, of, longestTag)
		}
	}
}

// ForReplica returns the first cluster that can hold volumes with the given number of copies: each copy needs a separate node.
func (t Topology) ForReplica(copies int) (Cluster, error) {
	most := 0
	for _, c := range t.Clusters {
		usable := 0
		for _, n := range c.Nodes {
			if len(n.Devices) > 0 {
				usable++
			}
		}
		if usable >= copies {
			return c, nil
		}
		most = max(most, usable)
	}
	return Cluster{}, fmt.Errorf("topology: replica %d needs %d nodes with devices in one cluster, and there are %d: add nodes, or devices to the nodes that have none", copies, copies, most)
}
