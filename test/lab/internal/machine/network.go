package machine

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
)

const (
	// HubIP is the address of the hub on the lab's network, which has 24 bits.
	HubIP  = "10.77.0.1"
	bridge = "lab0"
)

func setUpBridge() error {
	mac, err := mac(HubIP)
	if err != nil {
		return err
	}
	return ip("link add "+bridge+" address "+mac+" type bridge", "addr add "+HubIP+"/24 dev "+bridge, "link set "+bridge+" up")
}

func port(name string) string { return "p-" + name }

// layCable connects the network namespace of the process with the bridge.
func layCable(name string, pid int) error {
	// The old cable goes with the old namespace, which the kernel removes some time after its last process has gone.
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
	return ip("addr add "+address+"/24 dev eth0", "link set eth0 address "+mac+" up")
}

// mac makes a hardware address of an IPv4 address. A machine must have the same one after each start, as a network card
// has: else its peers go on sending to the old one, for a minute or more.
func mac(address string) (string, error) {
	parsed, err := netip.ParseAddr(address)
	if err != nil || !parsed.Is4() {
		return "", fmt.Errorf("machine address %q: want IPv4", address)
	}
	b := parsed.As4()
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]), nil
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
