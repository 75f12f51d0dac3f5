package volume

import (
	"strings"
	"testing"
)

// TestClassesInTheWild: documents, issues, charts and scripts have classes of kubernetes.io/glusterfs in these forms. Each worked
// there, and is accepted.
func TestClassesInTheWild(t *testing.T) {
	const (
		login   = "restuser: admin | secretNamespace: default | secretName: heketi-secret"
		cluster = "clusterid: 630372ccdc720a92c681fb928f27b53f"
		gids    = "gidMin: 40000 | gidMax: 50000"
	)
	urls := []string{
		"http://127.0.0.1:8081", "http://10.254.39.223:8080", "http://heketi:8080", "http://heketi.glusterfs.svc.cluster.local:8080", "https://heketi.example.com",
		"http://heketi-storage-project.cloudapps.192.168.122.10.nip.io", "http://heketi.example.com/", "http://10.0.0.1:30080", "http://[fd00::10]:8080",
	}
	for i, class := range []string{
		// The login.
		"",
		"restuser: joe | restuserkey: My Secret Life",
		"restauthenabled: false",
		"restauthenabled: true | " + login,
		login,
		"restauthenabled: true | restuser: admin | restuserkey: adminkey",
		"restuser: admin | restuserkey: password",
		"restuserkey: ivd7dfORN7QNeKVO",
		"restuser: | secretNamespace: | secretName:",
		"restauthenabled: false | restuser: | restuserkey:",
		"restauthenabled: false | restuser: admin | restuserkey: adminkey",
		"restauthenabled: true | restuser: admin | secretNamespace: glusterfs | secretName: heketi-secret | restuserkey: 0123456789abcdef",
		"restuser: heketi | secretNamespace: kube-system | secretName: heketi-key",

		// Where volumes lie, and their group ids.
		login + " | " + cluster,
		login + " | " + cluster + "," + strings.Repeat("0", 32),
		login + " | " + gids,
		login + " | " + cluster + " | " + gids + " | volumetype: replicate:3",
		"restauthenabled: true | " + login + " | " + cluster + " | " + gids + " | volumetype: none",
		login + " | gidMin: 2000 | gidMax: 2147483647",
		login + " | gidMin: 40000",

		// How data are stored.
		"volumetype: replicate:3",
		"volumetype: replicate:2",
		"volumetype: replicate",
		"volumetype: none",
		"volumetype: disperse:4:2",
		"volumetype: disperse:2:1",
		"volumetype: disperse:8:3",
		login + " | volumetype: replicate:2 | volumenameprefix: k8s-dev | " + cluster,
		login + " | volumenameprefix: dept-dev | snapfactor: 10",
		login + " | volumetype: disperse:4:2 | snapfactor: 1.5",
		login + " | customEpNamePrefix: dbstorage",
		"restURL: http://h:1 | restUser: admin | secretnamespace: default | secretname: s | gidmin: 3000 | volumeType: none",

		// Options.
		login + " | volumeoptions: client.ssl on, server.ssl on",
		login + " | volumeoptions: client.ssl on,server.ssl on",
		login + " | " + gids + " | volumeoptions: features.cache-invalidation on, nl-cache on",
		login + " | " + gids + " | volumeoptions: group metadata-cache, nl-cache on | volumetype: replicate:3",
		"volumeoptions: user.heketi.arbiter true,user.heketi.average-file-size 1024 | volumenameprefix: test",
		login + " | volumeoptions: user.heketi.arbiter true, user.heketi.average-file-size 64 | volumenameprefix: vol",
		login + " | volumeoptions: user.heketi.zone-checking strict",
		login + " | volumeoptions: user.heketi.device-tag-match tier=fast",
		"volumeoptions: group virt",
		"volumeoptions: group virt, features.shard off",
		"volumeoptions: features.shard enable, features.shard-block-size 64MB",
		"volumeoptions: performance.cache-size 256MB",
		"volumeoptions: performance.cache-size 134217728, performance.io-thread-count 64",
		"volumeoptions: cluster.lookup-optimize on, performance.parallel-readdir on, network.inode-lru-limit 200000, performance.md-cache-timeout 600",
		"volumeoptions: performance.stat-prefetch off, performance.write-behind off, performance.read-ahead off, performance.quick-read off",
		"volumeoptions: cluster.consistent-metadata on, performance.readdir-ahead off, performance.io-cache off",
		"volumeoptions: network.ping-timeout 10, cluster.self-heal-daemon on, cluster.quorum-type auto",
		"volumeoptions: auth.allow 10.0.0.0/8, nfs.disable true",
		"volumeoptions: performance.client-io-threads on, client.event-threads 8, server.event-threads 8,",
		"volumeoptions: diagnostics.brick-log-level DEBUG, cluster.min-free-disk 5%",
		"volumeoptions: storage.build-pgfid on, user.owner team-a",
		"volumetype: none | volumeoptions: performance.write-behind-window-size 4MB, write-behind on, open-behind off",
		"volumetype: disperse:4:2 | volumeoptions: performance.io-thread-count 64, disperse.eager-lock off",
	} {
		parameters := map[string]string{"resturl": urls[i%len(urls)], "csi.storage.k8s.io/pv/name": "pvc-1"}
		for item := range strings.SplitSeq(class, " | ") {
			if key, value, ok := strings.Cut(item, ":"); ok {
				if strings.EqualFold(key, "resturl") {
					delete(parameters, "resturl")
				}
				parameters[key] = strings.TrimPrefix(value, " ")
			}
		}
		p, err := ParseParameters(parameters)
		if err != nil {
			t.Errorf("%v: %v", parameters, err)
		}
		for _, o := range p.Options {
			if !strings.Contains(o.Key, ".") && o.Key != optionGroup {
				t.Errorf("%v: %q is no full name", parameters, o)
			}
		}
	}
}
