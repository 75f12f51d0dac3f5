package fuseclient

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestStuckProcess: the arguments of a pod's process are not read, because reading them would block on its memory. Here the read
// would block until a writer opens the pipe.
func TestStuckProcess(t *testing.T) {
	const log = "0123456789abcdef0123456789abcdef.log"
	for open, want := range map[string]string{
		"/x/logs/" + log: "path", "/x/logs/" + log + ".1 (deleted)": "path", "/dev/fuse": "path", "/x/9.log": "", "/x/fuse.conf": "", "socket:[7]": "",
	} {
		restore := mounttest.HideProc(t)
		arguments := "/proc/7/cmdline"
		err := errors.Join(os.MkdirAll("/proc/7/fd", 0o755), os.Symlink("/dev/null", "/proc/7/fd/0"), os.Symlink(open, "/proc/7/fd/9"),
			os.WriteFile("/proc/7/stat", []byte("7 (a) S"+strings.Repeat(" 1", 30)), 0o600))
		if want == "" {
			err = errors.Join(err, unix.Mkfifo(arguments, 0o600))
		} else {
			err = errors.Join(err, os.WriteFile(arguments, []byte("client\x00path\x00"), 0o600))
		}
		found := make(chan bool, 1)
		go func() { _, ok := findClient("path"); found <- ok }()
		select {
		case ok := <-found:
			if ok != (want != "") {
				t.Errorf("a process that has %s open: found %t", open, ok)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("the arguments of a process that has %s open are read", open)
			writer, _ := os.OpenFile(arguments, os.O_RDWR, 0) // unblocks the read
			_ = writer.Close()
			<-found
		}
		restore()
		if err != nil {
			t.Fatal(err)
		}
	}
}
