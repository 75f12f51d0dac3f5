package integration

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// A GlusterFS server on the hub with an IPv6 address only.
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
	} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			v := static("six", servers, hubVolume)
			target := r.publish(n, v, r.stage(n, v), false)
			r.write(n, name, target, "file")
			if data, err := os.ReadFile(filepath.Join(brick, "file")); err != nil || string(data) != name {
				r.Errorf("the brick has %q, %v; want %q", data, err, name)
			}
			r.healsWithoutRecord(n, v, target)
		})
	}
}

// healsWithoutRecord takes the record of the volume away while no node plugin runs: the next plugin reads the servers back from the
// arguments of the client, and starts another one with them when that has died.
func (r *rig) healsWithoutRecord(n *node, v *csi.Volume, target string) {
	r.Helper()
	r.end(n.plugin, n.plugin.Kill)
	records, err := filepath.Glob(filepath.Join(filepath.Dir(n.dir), "state", "volumes", "*"))
	r.ok(err, "list records")
	for _, record := range records {
		r.ok(os.Remove(record), "remove a record")
	}
	r.ok(n.plugin.Start(r.call()), "start the node plugin")
	r.statsAgree(n, v, target)
	first := r.onlyClient(n, hubVolume)
	r.signal(n, hubVolume, "KILL")
	r.eventually(time.Minute, "the volume is healed", func() error {
		return os.WriteFile(r.inside(n, target, "healed"), nil, 0o600)
	})
	second := r.onlyClient(n, hubVolume)
	for _, arg := range first.Args {
		if strings.HasPrefix(arg, "--volfile-server=") && !slices.Contains(second.Args, arg) {
			r.Errorf("the next client has not %s: %v", arg, second.Args)
		}
	}
}

// ipv6Server starts a glusterd on the hub with a volume of one brick until the test ends, and returns the brick as the host sees it. The
// node and the hub get IPv6 addresses, and server6Name stands in the hosts file of all machines.
func (r *rig) ipv6Server(n *node) (brick string) {
	r.Helper()
	hub, dir := r.lab.Hub(), filepath.Join(r.lab.Dir(), "hub-server")
	hosts := filepath.Join(r.lab.Dir(), "hosts") // bound to that of each machine, so that it must stay the same file
	before, err := os.ReadFile(hosts)
	r.ok(err, "read the hosts file")
	run := func(name string, args ...string) {
		r.Helper()
		_, err := r.command(hub, name, args...)
		r.ok(err, name+" on the hub")
	}
	r.Cleanup(func() {
		for _, args := range [][]string{
			{"gluster", "--mode=script", "volume", "stop", hubVolume, "force"}, {"pkill", "-F", filepath.Join(dir, "pid")},
			{"ip", "addr", "del", server6 + "/64", "dev", "lab0"},
		} {
			if _, err := r.command(hub, args[0], args[1:]...); err != nil {
				r.Error(err)
			}
		}
		_, err := r.command(n.Machine, "ip", "addr", "del", node6+"/64", "dev", "eth0")
		r.ok(errors.Join(err, os.WriteFile(hosts, before, 0o644), os.RemoveAll(dir)), "remove the server")
	})
	run("ip", "addr", "add", server6+"/64", "dev", "lab0", "nodad")
	_, err = r.command(n.Machine, "ip", "addr", "add", node6+"/64", "dev", "eth0", "nodad")
	r.ok(err, "an address for the node")
	r.ok(os.WriteFile(hosts, append(before, server6+" "+server6Name+"\n"...), 0o644), "write the hosts file")

	brick = filepath.Join(dir, "brick")
	r.ok(os.MkdirAll(brick, 0o755), "make the brick")
	volfile := filepath.Join(dir, "glusterd.vol")
	r.ok(os.WriteFile(volfile, []byte(`volume management
  type mgmt/glusterd
  option working-directory `+filepath.Join(dir, "glusterd")+`
  option transport-type socket
  option transport.address-family inet6
end-volume
`), 0o600), "write "+volfile)
	run("mkdir", "-p", "/run/gluster")
	// In the foreground: as a daemon it would keep its caller until it is ready.
	run("sh", "-c", `glusterd -N -f "$1" >/dev/null 2>&1 & echo $! >"$2"`, "sh", volfile, filepath.Join(dir, "pid"))
	r.eventually(2*time.Minute, "glusterd answers", func() error {
		_, err := r.command(hub, "gluster", "--mode=script", "volume", "create", hubVolume, server6+":"+brick, "force")
		return err
	})
	run("gluster", "volume", "start", hubVolume)
	return brick
}
