package integration

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// A GlusterFS server on the hub, whose volume, address and name have only IPv6.
const (
	hubVolume   = "six"
	server6     = "fd00:77::1"
	server6Name = "hub6"
	node6       = "fd00:77::11"
)

// TestServersWithIPv6Addresses mounts a volume whose server and brick are reached over IPv6 only.
func TestServersWithIPv6Addresses(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	brick := r.ipv6Server(n)
	for name, servers := range map[string]string{
		"an address":                 server6,
		"an address behind another":  "fd00:77::99," + server6,
		"an address in brackets":     "[" + server6 + "]",
		"a name":                     server6Name,
		"a name and then an address": server6Name + "," + server6,
		"a name behind an address":   "fd00:77::99," + server6Name,
		"a name behind IPv4":         r.lab.Storage(1).IP + "," + server6Name, // this server does not have the volume
	} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			v := static("six", servers, hubVolume)
			staging := r.stage(n, v)
			target := r.publish(n, v, staging, false)
			r.write(n, name, target, "file")
			if data, err := os.ReadFile(filepath.Join(brick, "file")); err != nil || string(data) != name {
				r.Errorf("the brick has %q, %v; want %q", data, err, name)
			}
			r.healsWithoutRecord(n, v, staging, target)
		})
	}
}

// healsWithoutRecord removes the volume's record while no node plugin runs. The next plugin rebuilds it, with the servers from the
// client's arguments, and starts another client with them when that one has died.
func (r *rig) healsWithoutRecord(n *node, v *csi.Volume, staging, target string) {
	r.Helper()
	c := r.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/data", "mount --bind "+target+" /mnt/data",
		"umount --lazy "+staging) // containers do not see the kubelet's directory
	r.eventually(healLimit, "the container's mount is saved", r.saved(n, v, "/mnt/data"))
	first := r.onlyClient(n, hubVolume)
	r.end(n.plugin, n.plugin.Kill)
	for _, record := range r.records(n) {
		r.ok(os.Remove(record), "remove a record")
	}
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	r.eventually(healLimit, "the record is rebuilt", func() error { // after the client's death it could not be
		if len(r.records(n)) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	r.signal(n, hubVolume, "KILL")
	r.eventually(healLimit, "the container works again", func() error {
		_, err := c.try("echo healed > /mnt/data/healed")
		return err
	})
	if before, after := serversOf(first), serversOf(r.onlyClient(n, hubVolume)); !slices.Equal(before, after) {
		r.Errorf("the client had the servers %q, and the next one has %q", before, after)
	}
}

// records lists the records of the node's staged volumes.
func (r *rig) records(n *node) []string {
	r.Helper()
	records, err := filepath.Glob(filepath.Join(filepath.Dir(n.dir), "state", "volumes", "*.json"))
	r.ok(err, "list records")
	return records
}

// serversOf returns a client's arguments that name servers, sorted: which one answers first may differ between two clients.
func serversOf(c outside.Client) []string {
	servers := slices.DeleteFunc(slices.Clone(c.Args), func(arg string) bool { return !strings.HasPrefix(arg, "--volfile-server=") })
	slices.Sort(servers)
	return servers
}

// ipv6Server starts a glusterd on the hub with a volume of one brick until the test ends, and returns the brick's path on the host.
// The node and the hub get IPv6 addresses, and all machines can resolve server6Name.
func (r *rig) ipv6Server(n *node) (brick string) {
	r.Helper()
	hub, dir := r.lab.Hub(), filepath.Join(r.lab.Dir(), "hub-server")
	run := func(name string, args ...string) {
		r.Helper()
		_, err := r.command(hub, name, args...)
		r.ok(err, name+" on the hub")
	}
	address := func(m *lab.Machine, address, device string) {
		r.Helper()
		_, err := r.command(m, "ip", "addr", "add", address+"/64", "dev", device, "nodad")
		r.ok(err, "add an address")
		r.Cleanup(func() {
			_, err := r.command(m, "ip", "addr", "del", address+"/64", "dev", device)
			r.ok(err, "remove the address")
		})
	}
	address(hub, server6, "lab0")
	address(n.Machine, node6, "eth0")

	hosts := filepath.Join(r.lab.Dir(), "hosts") // bound over that of each machine, so it must stay the same file
	before, err := os.ReadFile(hosts)
	r.ok(err, "read the hosts file")
	r.Cleanup(func() { r.ok(os.WriteFile(hosts, before, 0o644), "restore the hosts file") })
	r.ok(os.WriteFile(hosts, append(before, server6+" "+server6Name+"\n"...), 0o644), "write the hosts file")

	brick = filepath.Join(dir, "brick")
	state, volfile, pid := filepath.Join(dir, "glusterd"), filepath.Join(dir, "glusterd.vol"), filepath.Join(dir, "pid")
	r.Cleanup(func() { r.ok(os.RemoveAll(dir), "remove the server's files") })
	r.ok(errors.Join(os.MkdirAll(brick, 0o755), os.MkdirAll(state, 0o755)), "make the server's directories")
	r.ok(os.WriteFile(volfile, []byte(`volume management
  type mgmt/glusterd
  option working-directory /var/lib/glusterd
  option transport-type socket
  option transport.address-family inet6
end-volume
`), 0o600), "write "+volfile)
	run("mount", "--bind", state, "/var/lib/glusterd") // otherwise glusterd would leave files on the host
	r.Cleanup(func() { run("umount", "--lazy", "/var/lib/glusterd") })
	run("mkdir", "-p", "/run/gluster")
	// In the foreground, because as a daemon it would keep its caller until it is ready.
	run("sh", "-c", `glusterd -N -f "$1" >/dev/null 2>&1 & echo $! >"$2"`, "sh", volfile, pid)
	r.Cleanup(func() {
		run("sh", "-c", `pid=$(cat "$1"); kill $pid; while [ -e /proc/$pid ]; do sleep 0.02; done`, "sh", pid)
	})
	r.eventually(commandLimit, "glusterd makes a volume", func() error {
		_, err := outside.Gluster(r.ctx(commandLimit), hub, "volume", "create", hubVolume, server6+":"+brick, "force")
		return err
	})
	run("gluster", "volume", "start", hubVolume)
	r.Cleanup(func() { run("gluster", "--mode=script", "volume", "stop", hubVolume, "force") })
	return brick
}
