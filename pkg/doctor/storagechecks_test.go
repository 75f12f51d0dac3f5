package doctor

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// TestStorageChecks makes one fault in a healthy cluster, and expects a finding of one check and no other.
func TestStorageChecks(t *testing.T) {
	const ok, info, warning, critical = report.OK, report.Info, report.Warning, report.Critical
	first := func(c *cluster) *status.Server { s := c.servers["glusterfs-storage1"]; return &s }
	pool := func(p status.Pool) func(*cluster) {
		p.Group, p.Name = "vg_1", "tp_1"
		return func(c *cluster) { first(c).Pools[0] = p }
	}
	heal := func(change func(*status.VolumeHeal)) func(*cluster) {
		return func(c *cluster) { change(&c.heal.Volumes[1]) }
	}
	secret := func(name string, s kube.Secret) func(*cluster) { return func(c *cluster) { c.secrets[name] = s } }
	for name, tt := range map[string]struct {
		change   func(*cluster)
		check    string
		severity report.Severity
		says     string
	}{
		"a node without a pod": {func(c *cluster) {
			c.nodes = append(c.nodes, kube.Node{Name: "storage4", Labels: c.nodes[1].Labels})
			c.daemonSets[0].Desired = 4
		},
			checkServers, critical, "the node has the label storagenode=glusterfs but no pod of GlusterFS"},
		"a node that is excluded": {func(c *cluster) { c.nodes = append(c.nodes, kube.Node{Name: "storage4", Labels: c.nodes[1].Labels}) },
			checkServers, warning, "the DaemonSet places no pod of GlusterFS there"},
		"a pod without a node":    {func(c *cluster) { c.gluster = append(c.gluster, kube.Pod{Name: "p", Why: "no node fits"}) }, checkServers, ok, "3 GlusterFS servers"},
		"a pod that is not ready": {func(c *cluster) { c.gluster[1].Ready, c.gluster[1].Why = false, "it heals" }, checkServers, warning, "the pod glusterfs-storage2 is not ready: it heals"},
		"nodes that cannot be listed": {func(c *cluster) { c.fail["nodes"] = errors.New("nodes is forbidden") },
			checkServers, warning, "nodes is forbidden"},
		"an LVM that hangs": {func(c *cluster) {
			s := c.servers["glusterfs-storage1"]
			s.Failures, s.Pools = []string{"the thin pools cannot be read: did not end within 30s"}, nil
			c.servers["glusterfs-storage1"] = s
		}, checkServers, warning, "did not end within 30s"},
		"Heketi's pod":            {func(c *cluster) { c.heketi[0].Ready, c.heketi[0].Why = false, "CrashLoopBackOff" }, "storage-heketi", critical, "heketi-0 is not ready: CrashLoopBackOff"},
		"no Heketi":               {func(c *cluster) { c.heketi[0].Ended = true }, "storage-heketi", critical, "Heketi has no pod"},
		"a Heketi that is hidden": {func(c *cluster) { c.fail["heketi"] = errors.New("forbidden") }, "storage-heketi", warning, "forbidden"},
		"a rejected peer": {func(c *cluster) { first(c).Peers[1].State = "Peer Rejected" },
			checkPeers, critical, "server 10.0.0.2 is in the state Peer Rejected (Connected), as seen from storage1"},
		"a peer that is away": {func(c *cluster) { first(c).Peers[2].Connected = false },
			checkPeers, warning, "server 10.0.0.3 is in the state Peer in Cluster (Disconnected), as seen from storage1"},
		"a volume that is stopped": {func(c *cluster) { first(c).Volumes[1].Status = "Stopped" }, "storage-volumes", warning, "gluster volume vol_1 is stopped"},
		"a volume that is made":    {func(c *cluster) { first(c).Volumes[1].Status = "Created" }, checkBricks, ok, "all 5 bricks"},
		"a brick":                  {func(c *cluster) { first(c).Volumes[1].Bricks[0].Status = "Stopped" }, checkBricks, warning, "vol_1 has 1 brick offline; the other copies still serve. Offline: 10.0.0.1:"},
		"a brick of a volume without copies": {func(c *cluster) {
			first(c).Volumes[1].Bricks[0].Status, first(c).Volumes[1].Type = "Stopped", "Distribute"
		},
			checkBricks, critical, "has no copies"},
		"bricks of two servers": {func(c *cluster) {
			for _, pod := range []string{"glusterfs-storage1", "glusterfs-storage3"} {
				c.servers[pod].Volumes[1].Bricks[0].Status = "Stopped"
			}
		}, checkBricks, critical, "vol_1 has 2 bricks offline; files may be read-only or unavailable. Offline: 10.0.0.1"},
		"a few entries":     {heal(func(v *status.VolumeHeal) { v.Summary.Pending = 99 }), checkHeal, info, "vol_1 (99)"},
		"many entries":      {heal(func(v *status.VolumeHeal) { v.Summary.Pending = 100 }), checkHeal, warning, "vol_1 (100)"},
		"split-brain":       {heal(func(v *status.VolumeHeal) { v.Summary.SplitBrain = 3 }), checkHeal, critical, "split-brain, which cannot be read, by gluster volume: vol_1 (3)"},
		"an unknown brick":  {heal(func(v *status.VolumeHeal) { v.Summary.Unknown = []string{"10.0.0.3:/b"} }), checkHeal, warning, "vol_1: 10.0.0.3:/b"},
		"an unknown volume": {heal(func(v *status.VolumeHeal) { v.Failure = "did not end within 2m0s" }), checkHeal, warning, "vol_1: did not end within 2m0s"},
		"no time":           {func(c *cluster) { c.heal.Skipped = 7 }, checkHeal, warning, "7 gluster volumes"},
		"no heal backlog":   {func(c *cluster) { c.withoutHeal["glusterfs-storage1"] = errors.New("no answer after 3m0s") }, checkHeal, warning, "no answer after 3m0s"},
		"metadata":          {pool(status.Pool{Size: 9, Promised: 9, Active: true, Metadata: 80}), checkPools, warning, "vg_1/tp_1 has 80 % of its metadata space"},
		"much metadata":     {pool(status.Pool{Size: 9, Promised: 9, Active: true, Metadata: 95}), checkPools, critical, "95 %"},
		"less metadata":     {pool(status.Pool{Size: 9, Promised: 9, Active: true, Metadata: 79.9}), checkPools, ok, "3 thin pools"},
		"data":              {pool(status.Pool{Size: 9, Promised: 10, Active: true, Data: 80}), checkPools, warning, "80 % of its data space"},
		"much data":         {pool(status.Pool{Size: 9, Promised: 10, Active: true, Data: 95.2}), checkPools, critical, "95 % of its data space"},
		"data that fits":    {pool(status.Pool{Size: 9, Promised: 9, Active: true, Data: 100}), checkPools, ok, "3 thin pools"},
		"no pool":           {pool(status.Pool{Size: 9, Promised: 9}), checkPools, warning, "is not active"},
		"a damaged pool":    {pool(status.Pool{Size: 9, Promised: 9, Active: true, Health: "metadata_read_only"}), checkPools, critical, "metadata_read_only"},
		"an empty backup":   {secret("heketi-db-backup", kube.Secret{}), checkBackup, critical, "holds no backup"},
		"a backup that is chosen": {secret("heketi-db-backup", backup("aa", now, "glusterfs-storage/restore", "replace")),
			checkBackup, warning, "chosen to replace the database"},
		"a setup":            {secret("heketi-db-backup", backup("aa", now, "glusterfs-storage/bootstrap", "unfinished")), checkBackup, warning, "first setup"},
		"a change unsaved":   {secret("heketi-db-backup", backup("bb", now.Add(-13*time.Hour))), checkBackup, critical, "changes of Heketi's database are not saved"},
		"a change since":     {secret("heketi-db-backup", backup("bb", now.Add(-time.Hour))), checkBackup, ok, "2026-03-14T14:00:00Z (60m ago)"},
		"a change just now":  {secret("heketi-db-backup-2", backup("bb", now.Add(-time.Minute))), checkBackup, ok, "its last change"},
		"a time unknown":     {secret("heketi-db-backup", kube.Secret{Data: map[string][]byte{"heketi.db.gz": {1}}, Annotations: map[string]string{"glusterfs-storage/sha256": "aa"}}), checkBackup, ok, "an unknown time"},
		"no backup":          {func(c *cluster) { delete(c.secrets, "heketi-db-backup") }, checkBackup, critical, "there is no backup"},
		"backups are hidden": {func(c *cluster) { c.fail["secrets"] = errors.New("secrets is forbidden") }, checkBackup, warning, "secrets is forbidden"},
		"no daily copies": {func(c *cluster) {
			delete(c.secrets, "heketi-db-backup-0")
		}, checkBackup, ok, "2025-12-14T15:00:00Z"},
		"empty daily copies": {func(c *cluster) {
			for _, slot := range []string{"0", "1"} {
				c.secrets["heketi-db-backup-"+slot] = kube.Secret{}
			}
		}, checkBackup, info, "no daily copy"},
		"old daily copies": {func(c *cluster) {
			for _, slot := range []string{"0", "1"} {
				c.secrets["heketi-db-backup-"+slot] = backup("aa", now.Add(-49*time.Hour))
			}
		}, checkBackup, warning, "2026-03-12T14:00:00Z (2d1h ago)"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster()
			tt.change(c)
			told := false
			for _, f := range c.run(t) {
				switch {
				case f.Check == tt.check && f.Severity == tt.severity:
					told = true
					if !strings.Contains(f.Message, tt.says) {
						t.Errorf("%q does not have %q", f.Message, tt.says)
					}
				case f.Severity != report.OK:
					t.Errorf("also found: %+v", f)
				}
				if f.Severity != report.OK && f.Remedy == "" {
					t.Errorf("no remedy: %+v", f)
				}
			}
			if !told {
				t.Errorf("%s has no finding that is %s", tt.check, tt.severity)
			}
		})
	}
}

// TestPodsThatCannotBeListed: the other parts are still checked.
func TestPodsThatCannotBeListed(t *testing.T) {
	c := newCluster()
	c.fail["pods"] = errors.New("pods is forbidden")
	found := c.run(t)
	if len(found) != 3 || found[0].Check != checkServers || found[0].Severity != report.Warning || len(find(found, checkBackup)) != 1 || len(find(found, "storage-heketi")) != 1 {
		t.Errorf("%+v", found)
	}
}

// TestNoNodeHasTheLabel: the DaemonSet exists, but nothing runs.
func TestNoNodeHasTheLabel(t *testing.T) {
	c := newCluster()
	c.nodes, c.gluster, c.daemonSets[0].Desired = c.nodes[:1], nil, 0
	found := find(c.run(t), checkServers)
	if len(found) != 1 || found[0].Severity != report.Critical || found[0].Commands[0] != "kubectl label node NODE storagenode=glusterfs" {
		t.Errorf("%+v", found)
	}
}

// TestServersInSeveralPools: each pool is asked for its own backlog, and a server that is in no pool is reported.
func TestServersInSeveralPools(t *testing.T) {
	c := newCluster()
	for pod, peers := range map[string][]int{"glusterfs-storage1": {0, 1}, "glusterfs-storage2": {0, 1}, "glusterfs-storage3": {2}} {
		s := c.servers[pod]
		kept := s.Peers[:0:0]
		for _, i := range peers {
			kept = append(kept, s.Peers[i])
		}
		s.Peers = kept
		c.servers[pod] = s
	}
	found := find(c.run(t), checkPeers)
	if len(found) != 1 || found[0].Severity != report.Info || !strings.HasSuffix(found[0].Subject, "node storage3") {
		t.Errorf("%+v", found)
	}
	if strings.Join(c.asked, " ") != "glusterfs-storage1 glusterfs-storage3" {
		t.Errorf("%q were asked for the heal backlog", c.asked)
	}
}
