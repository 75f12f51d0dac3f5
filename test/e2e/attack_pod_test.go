package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// attackers is a pod whose containers share a volume at /data, and an emptyDir at /scratch for comparison, where the same attacks
// work. The container "user" has no capabilities; "root" has those that container runtimes give.
const attackers = `---
apiVersion: v1
kind: Pod
metadata: {name: attackers}
spec:
  nodeSelector: {kubernetes.io/hostname: node1}
  terminationGracePeriodSeconds: 0
  containers:
    - name: user
      image: ` + busyboxImage + `
      command: [sleep, "1000000"]
      securityContext: {runAsUser: 65534, capabilities: {drop: [ALL]}}
      volumeMounts: &mounts [{name: data, mountPath: /data}, {name: scratch, mountPath: /scratch}]
    - name: root
      image: ` + busyboxImage + `
      command: [sleep, "1000000"]
      volumeMounts: *mounts
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: data}}
    - {name: scratch, emptyDir: {}}
`

// attack is a pod with a volume, and the volume's FUSE client on the node.
type attack struct {
	*space
	client outside.Client
}

// TestAttackWithAVolume checks what the containers of a pod can do to the node through a volume or its client.
func TestAttackWithAVolume(t *testing.T) {
	theDriver(t)
	s := newSpace(t, "attack")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + attackers)
	s.running("attackers")
	found := clients(t, 1, s.bound("data").gluster())
	if len(found) != 1 {
		t.Fatalf("node1 has the clients %q, want one", found)
	}
	a := attack{s, found[0]}
	a.bring("setfattr")
	a.bring("whoami")
	a.by("root", "touch /data/open && chmod 666 /data/open")
	for _, part := range []struct {
		name string
		try  func(attack)
	}{
		{"a file of the node by io-stats", attack.dumps},
		{"a full disk by the client's log", attack.floods},
		{"the client's .meta", attack.readsMeta},
		{"a device of the node", attack.opensDevice},
		{"a set-user-id program", attack.becomesRoot},
	} {
		t.Run(part.name, func(t *testing.T) { part.try(attack{s.on(t), a.client}) })
	}
	a.by("user", "echo goes on >/data/open && grep -q 'goes on' /data/open")
}

// by runs a shell command in a container.
func (a attack) by(container, command string) string {
	a.Helper()
	return a.kubectl("exec", "attackers", "-c", container, "--", "sh", "-c", command)
}

// fails runs a shell command in a container that must fail with an error.
func (a attack) fails(container, command, says string) {
	a.Helper()
	out, err := a.try("exec", "attackers", "-c", container, "--", "sh", "-c", command)
	if err == nil || !strings.Contains(err.Error(), says) {
		a.Errorf("%s: %q, %v; want %q", command, out, err, says)
	}
}

// bring copies a program that the image does not have into /scratch.
func (a attack) bring(program string) {
	a.Helper()
	file, err := os.Open(filepath.Join("/usr/bin", program))
	if err != nil {
		a.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cmd := cluster.Command(a.Context(), "kubectl", "--namespace="+a.namespace, "exec", "-i", "attackers", "-c", "root", "--",
		"sh", "-c", "cat >/scratch/"+program+" && chmod 755 /scratch/"+program)
	cmd.Stdin = file
	if out, err := cmd.CombinedOutput(); err != nil {
		a.Fatalf("%v\n%s", err, out)
	}
}

// onNode runs a shell command on the pod's node.
func (a attack) onNode(command string) string {
	a.Helper()
	out, err := cluster.Node(1).Machine.Output(a.Context(), "sh", "-c", command)
	ok(a.T, err)
	return out
}

// log is the path of the client's log.
func (a attack) log() string {
	a.Helper()
	for _, arg := range a.client.Args {
		if path, found := strings.CutPrefix(arg, "--log-file="); found {
			return path
		}
	}
	a.Fatalf("the client has no log: %s", a.client)
	return ""
}

// dump asks the client many times for a file of statistics. The client may refuse each time.
const dump = "for i in $(seq 300); do /scratch/setfattr -n user.io-stats-dump -v e2e-attack-$i /data/open; done 2>/dev/null; true"

func (a attack) dumps() {
	a.by("user", "/scratch/setfattr -n user.other -v x /data/open") // works
	a.by("user", dump)
	root := "/proc/" + a.client.PID + "/root"
	dirs := []string{root + "/", root + "/run", root + "/tmp", filepath.Dir(root + a.log()), "/run", "/var/lib/glusterfs-csi"}
	for _, dir := range dirs {
		if found := a.onNode("find " + dir + " -xdev -ignore_readdir_race -name '*e2e-attack*'"); found != "" {
			a.Errorf("the client has written:\n%s", found)
		}
	}
}

// floods makes failing calls when the client's log has almost reached its limit, and checks that the log stays within it.
func (a attack) floods() {
	log := a.log()
	size := func() string { return a.onNode("stat -c %s " + log) }
	before := size()
	a.by("user", dump)
	if size() == before {
		a.Error("the attack does not work: the client has logged nothing")
	}
	a.onNode("truncate -s 16775168 " + log) // 2 KiB less
	a.by("user", dump)
	if got := a.onNode("test $(stat -c %s " + log + ") -le 16777216 && echo within"); got != "within\n" {
		a.Errorf("the log has %s bytes, more than 16 MiB", size())
	}
	a.onNode("truncate -s 0 " + log)
}

func (a attack) readsMeta() {
	a.fails("user", "cat /data/.meta/graphs/active/top", "No such file or directory")
	a.fails("root", "ls -d /data/.meta", "No such file or directory")
	a.fails("root", "echo 9 >/data/.meta/logging/loglevel", "nonexistent directory")
}

func (a attack) opensDevice() {
	a.by("root", "for dir in /scratch /data; do mknod -m 666 $dir/zero c 1 5 || exit 1; done; head -c 1 /scratch/zero >/dev/null")
	a.fails("root", "head -c 1 /data/zero", "Permission denied")
	a.fails("user", "head -c 1 /data/zero", "Permission denied")
}

func (a attack) becomesRoot() {
	a.by("root", "cp /scratch/whoami /data/ && chmod 4755 /scratch/whoami /data/whoami")
	for dir, want := range map[string]string{"/scratch": "root\n", "/data": "nobody\n"} {
		if got := a.by("user", dir+"/whoami"); got != want {
			a.Errorf("a set-user-id program in %s runs as %q, want %q", dir, got, want)
		}
	}
}
