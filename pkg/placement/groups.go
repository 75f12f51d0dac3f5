package placement

import (
	"math/rand/v2"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Groups hands out a different group id for each client. All clients have the same user and capabilities. If they also had the
// same group, the kernel would let a client that was taken over read the memory and the files of the others through /proc
// (PTRACE_MODE_READ in ptrace(2)). The group has no effect on a volume: requests carry the ids of the processes that make them,
// and for the client's own requests, bricks check the client's user, which is 0.
type Groups struct {
	mu   sync.Mutex
	used map[string]bool // the groups of processes that ran before this one
	next uint32
}

// The range of the clients' groups, documented in docs/mounts.md. The usual tools for users, containers and directory services give
// out none of these numbers. GlusterFS prints the group as a signed number into its mount options, so the range ends below 2^31.
const (
	firstGroup  = 0x78000000
	groupNumber = 1 << 26
)

// NewGroups returns Groups that avoid the groups of all running processes. It begins at a random number, because another node plugin
// on this node, with its own state directory, also hands out groups.
func NewGroups() *Groups {
	g := &Groups{used: map[string]bool{}, next: rand.Uint32N(groupNumber)} // #nosec G404 -- not secret
	for _, pid := range mount.Processes() {
		if group, err := mount.ProcessStatus(pid, "Gid"); err == nil { // otherwise the process has ended
			g.used[group] = true
		}
	}
	return g
}

// Next returns a group that no client has had before. The numbers repeat after 67 million clients.
func (g *Groups) Next() uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		group := firstGroup + g.next%groupNumber
		g.next++
		if !g.used[strconv.FormatUint(uint64(group), 10)] {
			return group
		}
	}
}

// setGroup sets the group of the calling thread, and so of the processes that it starts. In a user namespace that lacks the
// group, it does nothing. When the group changes, the kernel also sets the dumpable flag of this whole process to
// fs.suid_dumpable (commit_creds). By default, the kernel then writes no core file of this process. The flag's other effects do
// not matter, because this process has the capabilities that override them.
func setGroup(group uint32) error {
	id := uintptr(group)
	// Not unix.Setresgid, which would change all threads of this process.
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, id, id, id); errno != 0 && errno != unix.EINVAL {
		return errno
	}
	return nil
}
