package fuseclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fakeClient is the test binary in the role of glusterfs: a FUSE file system of a few directories. Its log lines are those of
// glusterfs 10.3. The name of the volume determines what it does:
//
//	nope     reports that the servers do not know the volume, and ends
//	stopped  reports that no brick answers
//	mute     mounts, but answers no request
//	quiet    like mute, but with connections, as if the bricks were silent
//	absent   never mounts
//	broken   ends with a message
//	bricks   has .meta, with the graph in the state directory
//	odd      fails the request with which the driver checks whether the client lives
//
// With any other name, it works. SIGUSR1 takes its bricks away. SIGUSR2 changes its graph: files get other node ids. With a
// server called mute, it answers no request; with one called late, it answers after a while.
func fakeClient(args []string) int {
	var fake fakeFS
	volume, directory, server, logFile, path := "", "", "", "", args[len(args)-1]
	for _, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--volfile-server="); ok && server == "" {
			server = v
		}
		if v, ok := strings.CutPrefix(arg, "--volfile-id=/"); ok {
			volume = v
		}
		if v, ok := strings.CutPrefix(arg, "--subdir-mount="); ok { // used by earlier versions of the driver
			directory = v
		}
		if v, ok := strings.CutPrefix(arg, "--log-file="); ok {
			logFile = v
		}
		if v, ok := strings.CutPrefix(arg, metaOption); ok {
			fake.meta = v
		}
	}
	say := func(line string) {
		f, err := os.OpenFile(logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintln(f, line)
			_ = f.Close()
		}
	}
	switch volume {
	case "broken":
		fmt.Fprintln(os.Stderr, "glusterfs: unrecognized option '--frobnicate=1'")
		return 64
	case "absent":
		select {}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for sent := range signals {
			if sent == syscall.SIGUSR2 {
				fake.graph.Add(1)
				say("graph changed")
				continue
			}
			fake.away.Store(true)
			say("bricks away")
		}
	}()
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		say("cannot open /dev/fuse (" + err.Error() + ")")
		return 1
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", dev)
	flags := uintptr(0)
	if slices.Contains(args, "--read-only") {
		flags = unix.MS_RDONLY
	}
	if err := unix.Mount("fake:/"+volume+directory, path, "fuse.glusterfs", flags, data); err != nil {
		say("mount failed: " + err.Error())
		return 1
	}
	switch volume {
	case "nope":
		say("[2026-11-24 18:41:03.033055 +0000] E [glusterfsd-mgmt.c:2371:mgmt_getspec_cbk] 0-mgmt: failed to fetch volume file (key:/nope)")
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			say("[2026-11-24 18:41:03.034012 +0000] E [mount-common.c:229:fuse_mnt_umount] 0-glusterfs-fuse: fuse: failed to unmount " + path + ": " + err.Error())
		}
		return 0
	case "stopped":
		say("[2026-11-24 18:41:02.617130 +0000] E [fuse-bridge.c:5364:fuse_first_lookup] 0-fuse: first lookup on root failed (Transport endpoint is not connected)")
		fake.away.Store(true)
	case "bricks":
		fake.graphs = filepath.Join(filepath.Dir(filepath.Dir(logFile)), "graphs")
	case "odd":
		fake.odd = true
	case "quiet":
		defer connect()()
		fake.mute = true
	}
	if server == "late" {
		time.Sleep(200 * time.Millisecond)
	}
	fake.mute = fake.mute || volume == "mute" || server == "mute"
	if !fake.mute && (slices.Contains(args, "--log-level=INFO") || slices.Contains(args, "--log-level=WARNING")) {
		say("Final graph:")
	}
	return fake.serve(dev)
}

// connect opens a TCP connection with both ends in this process.
func connect() (end func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return func() {}
	}
	connection, _ := net.Dial("tcp", listener.Addr().String())
	accepted, _ := listener.Accept()
	return func() { _ = errors.Join(connection.Close(), accepted.Close(), listener.Close()) }
}

// fakeFS is the file system that the fake client mounts.
type fakeFS struct {
	mute   bool        // does not answer any request
	odd    bool        // fails the request with which the driver checks whether the client lives
	meta   string      // the name of its .meta
	graphs string      // the directory behind .meta/graphs; "" for a client without .meta
	away   atomic.Bool // no brick can be reached
	graph  atomic.Uint64
}

// The node ids of its files.
const (
	rootNode uint64 = iota + 1
	metaNode
	graphsNode
	subNode  // sub
	dirNode  // sub/dir
	fileNode // file
	linkNode // link, which leads to sub
)

// perGraph is the distance between the node ids of two graphs.
const perGraph = 100

func (f *fakeFS) lookup(parent uint64, name string) (node uint64, found bool) {
	switch {
	case f.graphs != "" && parent == rootNode && name == f.meta:
		return metaNode, true
	case parent == metaNode && name == "graphs":
		return graphsNode, true
	case parent == rootNode && name == "sub":
		return subNode, true
	case parent == subNode && name == "dir":
		return dirNode, true
	case parent == rootNode && name == "file":
		return fileNode, true
	case parent == rootNode && name == "link":
		return linkNode, true
	}
	return 0, false
}

// attributes writes the attributes of a file, a struct fuse_attr.
func attributes(to []byte, node uint64) {
	mode := uint32(unix.S_IFDIR | 0o755)
	switch node {
	case graphsNode, linkNode:
		mode = unix.S_IFLNK | 0o777
	case fileNode:
		mode = unix.S_IFREG | 0o644
	}
	binary.LittleEndian.PutUint64(to, node) // ino
	binary.LittleEndian.PutUint32(to[60:], mode)
	binary.LittleEndian.PutUint32(to[64:], 2) // nlink
}

// serve answers the kernel's requests until the last mount is gone (linux/fuse.h, protocol 7.31).
func (f *fakeFS) serve(dev int) int {
	buf := make([]byte, 1<<17)
	for {
		n, err := unix.Read(dev, buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil { // ENODEV: unmounted
			return 15
		}
		opcode, unique, node := binary.LittleEndian.Uint32(buf[4:]), buf[8:16], binary.LittleEndian.Uint64(buf[16:])%perGraph
		var status int32
		var body []byte
		switch opcode {
		case 2, 36, 42: // FORGET, INTERRUPT, BATCH_FORGET have no answer
			continue
		case 26: // INIT
			body = make([]byte, 64)
			binary.LittleEndian.PutUint32(body, 7)
			binary.LittleEndian.PutUint32(body[4:], 31)
			binary.LittleEndian.PutUint32(body[20:], 1<<16) // max_write
		case 1: // LOOKUP
			status = -int32(unix.ENOENT)
			if child, found := f.lookup(node, strings.TrimRight(string(buf[40:n]), "\x00")); found {
				status, body = 0, make([]byte, 128)
				binary.LittleEndian.PutUint64(body, child+f.graph.Load()*perGraph)
				attributes(body[40:], child)
			}
		case 3: // GETATTR
			body = make([]byte, 104)
			attributes(body[16:], node)
		case 5: // READLINK
			body = []byte(f.graphs)
			if node == linkNode {
				body = []byte("sub")
			}
		case 17: // STATFS
			body = make([]byte, 80)
			for i, v := range []uint64{1000, 600, 500, 100, 40} {
				binary.LittleEndian.PutUint64(body[8*i:], v)
			}
			binary.LittleEndian.PutUint32(body[40:], 4096)
			binary.LittleEndian.PutUint32(body[48:], 4096)
		case 22: // GETXATTR
			status = -int32(unix.ENODATA)
			if f.odd {
				status = -int32(unix.EIO)
			}
		default:
			status = -int32(unix.ENOSYS)
		}
		if f.mute && opcode != 26 {
			continue
		}
		if f.away.Load() && (opcode == 3 && node == rootNode || opcode == 17) {
			status, body = -int32(unix.ENOTCONN), nil
		}
		if status != 0 {
			body = nil
		}
		answer := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
		answer = binary.LittleEndian.AppendUint32(answer, uint32(status))
		answer = append(append(answer, unique...), body...)
		_, _ = unix.Write(dev, answer) // an error means that the caller has given up
	}
}
