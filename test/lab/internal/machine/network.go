package machine

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

const (
	// HubIP is the hub's address on the lab's network, which has a prefix of 24 bits.
	HubIP  = "10.77.0.1"
	bridge = "lab0"
)

// The networks of a Kubernetes in the lab. All machines reach them through the hub.
const (
	PodNetwork     = "10.244.0.0/16"
	ServiceNetwork = "10.96.0.0/16"
)

// PodNetworkOf returns the part of PodNetwork that belongs to the machine with that address.
func PodNetworkOf(address string) (netip.Prefix, error) {
	b, err := parse(address)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244, b[3], 0}), 24), nil
}

func setUpBridge() error {
	mac, err := mac(HubIP)
	if err != nil {
		return err
	}
	if err := ip("link add "+bridge+" address "+mac+" type bridge",
		"addr add "+HubIP+"/24 dev "+bridge, "link set "+bridge+" up"); err != nil {
		return err
	}
	return forward()
}

// forward enables the forwarding of packets.
func forward() error {
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

func port(name string) string { return "p-" + name }

// layCable connects the network namespace of the process to the bridge.
func layCable(name string, pid int) error {
	// The old cable disappears with the old namespace, which the kernel removes some time after the end of its last process.
	_ = ip("link del " + port(name))
	return ip(
		"link add "+port(name)+" type veth peer name eth0 netns "+strconv.Itoa(pid),
		"link set "+port(name)+" master "+bridge+" up")
}

func setUpLink(address string) error {
	mac, err := mac(address)
	if err != nil {
		return err
	}
	return ip("addr add "+address+"/24 dev eth0", "link set eth0 address "+mac+" up",
		"route add "+PodNetwork+" via "+HubIP, "route add "+ServiceNetwork+" via "+HubIP)
}

// mac returns a hardware address for an IPv4 address. A machine must keep its hardware address across restarts, as a network card
// does. Otherwise its peers continue to send to the old one for a minute or more.
func mac(address string) (string, error) {
	b, err := parse(address)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]), nil
}

func parse(address string) ([4]byte, error) {
	parsed, err := netip.ParseAddr(address)
	if err != nil || !parsed.Is4() {
		return [4]byte{}, fmt.Errorf("machine address %q: want IPv4", address)
	}
	return parsed.As4(), nil
}

// ip runs the lines as one batch of ip(8).
func ip(lines ...string) error {
	cmd := exec.CommandContext(context.Background(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(lines, "; "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
