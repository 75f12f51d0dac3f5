package integration

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile/volfiletest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// hostileVariable makes this program a glusterd that serves an attacker's volume file: "open" serves it to every client; "hidden"
// serves a harmless one to the first client, the third, and so on.
const hostileVariable = "INTEGRATION_HOSTILE_GLUSTERD"

const hostilePort = 24007 // the driver uses no other port

// hostileFile would give a pod a directory of the node.
const hostileFile = `volume disk
    type storage/posix
    option directory /
end-volume

volume stats
    type debug/io-stats
    subvolumes disk
end-volume
`

const harmlessFile = `volume v-client-0
    type protocol/client
    option transport-type tcp
    option remote-host 127.0.0.1
    option remote-subvolume /none
end-volume
`

// hostileGlusterd serves until it is killed.
func hostileGlusterd(mode string) error {
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(hostilePort))
	if err != nil {
		return err
	}
	var asked atomic.Int64
	file := func() string {
		if asked.Add(1)%2 == 1 && mode == "hidden" {
			return harmlessFile
		}
		return hostileFile
	}
	return volfiletest.Serve(listener, file)
}

// startHostileGlusterd runs hostileGlusterd on a machine that is not a gluster server, until the test ends.
func (r *rig) startHostileGlusterd(mode string) (server string) {
	r.Helper()
	program, err := filepath.Abs(os.Args[0])
	r.ok(err, "this program")
	machine := r.nodes[1].Machine
	cmd := machine.Command(r.Context(), "env", hostileVariable+"="+mode, program)
	cmd.Stderr = os.Stderr
	r.ok(cmd.Start(), "start a glusterd of an attacker")
	r.Cleanup(func() {
		r.ok(lab.Signal(cmd, syscall.SIGKILL), "kill the glusterd of an attacker")
		_ = cmd.Wait() // killed
	})
	r.eventually(commandLimit, "the attacker listens", func() error {
		conn, err := r.lab.DialContext(r.call(), "tcp", net.JoinHostPort(machine.IP, strconv.Itoa(hostilePort)))
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return machine.IP
}
