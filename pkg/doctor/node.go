package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// Node is this machine as a node that mounts volumes.
type Node struct {
	StateDir    string       // state directory of the node plugin
	Glusterfs   string       // path of the client's binary
	FuseDevice  string       // /dev/fuse
	CheckKernel func() error // mount.CheckKernel
}

// NewNode returns a Node for this machine.
func NewNode(stateDir string) *Node {
	return &Node{StateDir: stateDir, Glusterfs: "glusterfs", FuseDevice: "/dev/fuse", CheckKernel: mount.CheckKernel}
}

const nodeSubject = "this node"

func (n *Node) checks() []func(context.Context, checker) []report.Finding {
	return []func(context.Context, checker) []report.Finding{n.kernel, n.fuse, n.client, n.mounts, n.records, n.placement}
}

func nodeFinding(severity report.Severity, check, message, remedy string, commands ...string) []report.Finding {
	return []report.Finding{{Severity: severity, Check: check, Subject: nodeSubject, Message: message, Remedy: remedy, Commands: commands}}
}

func (n *Node) kernel(context.Context, checker) []report.Finding {
	const check = "node-kernel"
	if err := n.CheckKernel(); err != nil {
		return nodeFinding(report.Critical, check, fmt.Sprintf("the kernel (%s) lacks a system call that mounting needs: %v", kernelRelease(), err),
			"use Linux 5.12 or newer, and run this as root with CAP_SYS_ADMIN (in Kubernetes: in the node plugin's container, which is privileged)")
	}
	return nodeFinding(report.OK, check, "the kernel ("+kernelRelease()+") has what mounting needs", "")
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown release"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// fuse opens the FUSE device, as a client does first.
func (n *Node) fuse(context.Context, checker) []report.Finding {
	const check = "node-fuse"
	device, err := os.OpenFile(n.FuseDevice, os.O_RDWR, 0)
	if err != nil {
		return nodeFinding(report.Critical, check, fmt.Sprintf("the FUSE device cannot be used: %v", err),
			"load the module, and make it stay (/etc/modules-load.d); in a container, the device must be there and allowed", "modprobe fuse")
	}
	defer device.Close()
	return nodeFinding(report.OK, check, n.FuseDevice+" can be opened", "")
}

var clientVersion = regexp.MustCompile(`(?m)^glusterfs ((\d+)\.\S+)`)

// oldestClient is the oldest release with which the driver is tested.
const oldestClient = 10

func (n *Node) client(ctx context.Context, c checker) []report.Finding {
	const check = "node-client"
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.Glusterfs, "--version") // #nosec G204 -- not from a user
	cmd.WaitDelay = c.limit
	out, err := cmd.Output()
	if err != nil {
		return nodeFinding(report.Critical, check, fmt.Sprintf("the GlusterFS client does not run: %v", err),
			"use the driver's image, which has it; outside Kubernetes install the package (glusterfs-client on Debian, glusterfs-fuse on RHEL)")
	}
	version := clientVersion.FindStringSubmatch(string(out))
	if version == nil {
		return nodeFinding(report.Warning, check, "the GlusterFS client reports no version", "check that "+n.Glusterfs+" is the GlusterFS client")
	}
	if major, err := strconv.Atoi(version[2]); err != nil || major < oldestClient {
		return nodeFinding(report.Warning, check, "the GlusterFS client has version "+version[1]+", older than any that this driver is tested with",
			fmt.Sprintf("use version %d or newer", oldestClient))
	}
	return nodeFinding(report.OK, check, "GlusterFS client "+version[1], "")
}

func shortened(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
