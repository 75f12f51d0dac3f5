package tables

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MayUnmount reports whether the table's process can get the privilege to unmount (CAP_SYS_ADMIN in its bounding set). A container
// runtime withholds it, unless the pod asks for it.
func (t Table) MayUnmount() bool {
	status, err := os.ReadFile(procPath(t.PID, "status"))
	if err != nil {
		return false
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if set, found := strings.CutPrefix(lines.Text(), "CapBnd:"); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && bits&(1<<unix.CAP_SYS_ADMIN) != 0
		}
	}
	return false
}

// Noted returns the table with Later set for the mounts that an earlier table of the same namespace, then, does not have. A mount
// that was restored has another id, but the same place and content.
func (t Table) Noted(then Table) Table {
	type content struct {
		point, root string
		device      string
	}
	of := func(m Mount) content { return content{m.Point, m.Root, m.Device.String()} }
	later := map[content]bool{}
	for _, m := range then.Mounts {
		later[of(m)] = m.Later
	}
	mounts := make([]Mount, len(t.Mounts))
	for i, m := range t.Mounts {
		was, known := later[of(m)]
		m.Later = was || !known
		mounts[i] = m
	}
	t.Mounts = mounts
	return t
}

// WithoutLater returns the table without the mounts that have Later set, and without those on top of them.
func (t Table) WithoutLater() Table {
	var mounts []Mount
	gone := map[int]bool{}
	for _, m := range t.Mounts { // a mount comes after the one that it is on
		if m.Later || gone[m.Parent] {
			gone[m.ID] = true
			continue
		}
		mounts = append(mounts, m)
	}
	t.Mounts = mounts
	return t
}
