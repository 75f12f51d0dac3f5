package examples

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// machine is a network namespace, which ends with the test.
type machine struct {
	*testing.T
	pid int
}

func newMachine(t *testing.T) machine {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "/bin/sh", "-c", "echo started; exec cat")
	out, err := cmd.StdoutPipe()
	if err == nil {
		_, err = cmd.StdinPipe() // closed when the test's process ends, which ends the command
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	m := machine{t, cmd.Process.Pid}
	m.run("", "ip", "link", "set", "lo", "up")
	return m
}

// on returns the machine for use in a subtest.
func (m machine) on(t *testing.T) machine {
	t.Helper()
	return machine{t, m.pid}
}

// load loads the rules of an example, with other networks.
func (m machine) load(example string, oldNew ...string) {
	m.Helper()
	rules, err := os.ReadFile(example)
	if err != nil {
		m.Fatal(err)
	}
	m.run(strings.NewReplacer(oldNew...).Replace(string(rules)), "nft", "-f", "-")
}

// run runs a program on the machine, with input.
func (m machine) run(input string, command ...string) {
	m.Helper()
	cmd := exec.CommandContext(m.Context(), "nsenter", append([]string{"--net=/proc/" + strconv.Itoa(m.pid) + "/ns/net", "--"}, command...)...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Fatalf("%v: %v: %s", command, err, out)
	}
}

// address gives a device of the machine addresses, and sets it up.
func (m machine) address(device string, addresses ...string) {
	m.Helper()
	for _, a := range addresses {
		m.run("addr add "+a+" dev "+device+" nodad\n", "ip", "-batch", "-")
	}
	m.run("", "ip", "link", "set", device, "up")
}

// in calls fn on a thread in the machine's network namespace.
func (m machine) in(fn func() error) error {
	return osthread.Run(func() error {
		ns, err := os.Open("/proc/" + strconv.Itoa(m.pid) + "/ns/net")
		if err != nil {
			return err
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return err
		}
		return fn()
	})
}

// listen accepts connections to ports on all addresses.
func (m machine) listen(ports ...int) {
	m.Helper()
	err := m.in(func() error {
		for _, port := range ports {
			l, err := net.Listen("tcp", net.JoinHostPort("::", strconv.Itoa(port)))
			if err != nil {
				return err
			}
			m.Cleanup(func() { _ = l.Close() })
			go func() {
				for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
					_ = conn.Close()
				}
			}()
		}
		return nil
	})
	if err != nil {
		m.Fatal(err)
	}
}

// reaches checks that an address refuses connections to the closed ports immediately, and accepts them on all others.
func (m machine) reaches(address string, ports, closed []int) {
	m.Helper()
	for _, port := range ports {
		err := m.in(func() error {
			conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, strconv.Itoa(port)), time.Minute)
			if err != nil {
				return err
			}
			return conn.Close()
		})
		if want := slices.Contains(closed, port); want && !errors.Is(err, unix.ECONNREFUSED) || !want && err != nil {
			m.Errorf("%s, port %d: %v; closed: %t", address, port, err, want)
		}
	}
}

// TestFirewalls connects a pod, its node and a gluster server, each in a separate network namespace, with the rules loaded.
func TestFirewalls(t *testing.T) {
	needs.Root(t, "it makes network namespaces")
	pod, node, server := newMachine(t), newMachine(t), newMachine(t)
	node.run("", "ip", "link", "add", "pods", "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pod.pid))
	node.run("", "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(server.pid))
	pod.address("eth0", "10.244.0.2/24", "fd00:0:0:99::2/64")
	node.address("pods", "10.244.0.1/24", "fd00:0:0:99::1/64")
	node.address("eth0", "10.0.0.6/29", "fd00:0:0:10::6/64")
	server.address("eth0", "10.0.0.1/29", "fd00:0:0:10::1/64")
	pod.run("route add default via 10.244.0.1\nroute add default via fd00:0:0:99::1\n", "ip", "-batch", "-")
	server.run("route add default via 10.0.0.6\nroute add default via fd00:0:0:10::6\n", "ip", "-batch", "-")
	node.run("", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	gluster := []int{24007, 24008, 49152, 55000, 60999}
	all := append([]int{22, 24006, 24009, 49151, 61000}, gluster...)
	const metrics, other = 29681, 9100
	server.listen(all...)
	node.listen(metrics, other)

	// tries connects all machines with each other. Only connections from pods may be refused.
	tries := func(t *testing.T, fromPod, toMetrics []int) {
		t.Helper()
		pod, node, server := pod.on(t), node.on(t), server.on(t)
		for _, address := range []string{"10.0.0.1", "fd00:0:0:10::1"} {
			pod.reaches(address, all, fromPod)
			node.reaches(address, all, nil)
			server.reaches(address, all, nil)
		}
		for _, address := range []string{"10.244.0.1", "fd00:0:0:99::1"} {
			pod.reaches(address, []int{metrics, other}, toMetrics)
			node.reaches(address, []int{metrics, other}, nil)
		}
	}
	t.Run("none", func(t *testing.T) { tries(t, nil, nil) })
	t.Run("firewall-servers.nft", func(t *testing.T) {
		server := server.on(t)
		for range 2 { // loading the rules twice must give the same result
			server.load("firewall-servers.nft")
		}
		tries(t, gluster, nil)
		server.run("", "nft", "delete", "table", "inet", "glusterfs_csi_servers")
	})
	t.Run("firewall-nodes.nft", func(t *testing.T) {
		for range 2 {
			node.on(t).load("firewall-nodes.nft")
		}
		tries(t, gluster, []int{metrics})
	})
	t.Run("firewall-nodes.nft, from Prometheus", func(t *testing.T) {
		node.on(t).load("firewall-nodes.nft", "10.0.9.0/24", "10.244.0.0/24")
		pod.on(t).reaches("10.244.0.1", []int{metrics}, nil)
	})
}
