package machine

import "testing"

func TestMac(t *testing.T) {
	if got, err := mac("10.77.0.12"); err != nil || got != "02:00:0a:4d:00:0c" {
		t.Errorf("mac is %q, %v", got, err)
	}
	for _, bad := range []string{"", "storage1", "fe80::1"} {
		if got, err := mac(bad); err == nil {
			t.Errorf("%q has the hardware address %q", bad, got)
		}
	}
}

func TestPodNetworksOfMachinesAreApart(t *testing.T) {
	a, errA := PodNetworkOf("10.77.0.21")
	b, errB := PodNetworkOf("10.77.0.22")
	if errA != nil || errB != nil || a.Overlaps(b) || a.String() != "10.244.21.0/24" {
		t.Errorf("pod networks are %s (%v) and %s (%v)", a, errA, b, errB)
	}
}

// The kernel truncates the backing file names of loop devices to 63 bytes.
func TestLoopPrefixIsShortAndOwn(t *testing.T) {
	a, b := Layout{Dir: "/a/build/lab"}, Layout{Dir: "/a/build/lab2"}
	if a.LoopPrefix("storage1") == b.LoopPrefix("storage1") {
		t.Error("two lab directories have the same loop devices")
	}
	if n := len(a.LoopPrefix("storage3")); n > 63 {
		t.Errorf("the prefix has %d bytes", n)
	}
}
