package gluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// Environment variables: the directory of the fake programs, and a mark that the test runs inside a PID namespace.
const (
	fakeState = "GLUSTER_TEST_STATE"
	inside    = "GLUSTER_TEST_INSIDE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(fakeState); dir != "" {
		if program, ok := fakePrograms()[filepath.Base(os.Args[0])]; ok {
			syscall.Exit(program(fakeDir(dir), os.Args[1:])) // os.Exit takes a second under the race detector
		}
	}
	if os.Getenv(inside) != "" {
		if err := mountProc(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func mountProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// asFirstProcess runs the calling test as the first process of a PID namespace, as in a container. It returns true inside the
// namespace, and false after that process has ended. Processes that the test leaves behind end with the namespace.
func asFirstProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		if os.Getpid() != 1 {
			t.Fatalf("this is process %d", os.Getpid())
		}
		return true
	}
	needs.Root(t, "it makes namespaces")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// fakeDir is the directory where the fake programs record their actions and find their answers.
type fakeDir string

// useFakes puts the fake programs first in PATH.
func useFakes(t *testing.T) fakeDir {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name := range fakePrograms() {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	state := fakeDir(t.TempDir())
	t.Setenv(fakeState, string(state))
	return state
}

func (d fakeDir) log(line string) {
	f, err := os.OpenFile(filepath.Join(string(d), "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = fmt.Fprintln(f, line)
		_ = f.Close()
	}
}

func (d fakeDir) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(string(d), name))
	return strings.TrimSpace(string(data))
}

// write is atomic, since fakes read at the same time.
func (d fakeDir) write(name, content string) {
	path := filepath.Join(string(d), name)
	_ = os.WriteFile(path+".new", []byte(content), 0o600)
	_ = os.Rename(path+".new", path)
}

func (d fakeDir) pid(name string) int {
	pid, _ := strconv.Atoi(d.read(name))
	return pid
}

// fakePrograms returns what the test binary does when it is started under the name of one of GlusterFS's programs.
func fakePrograms() map[string]func(dir fakeDir, args []string) int {
	return map[string]func(dir fakeDir, args []string) int{
		"glusterd": fakeGlusterd, "glusterfsd": fakeBrick, "daemonize": daemonize, "gluster": fakeGluster,
		"lvm":   func(dir fakeDir, args []string) int { dir.log("lvm " + strings.Join(args, " ")); return 0 },
		"tool":  fakeTool,
		"sleep": func(fakeDir, []string) int { select {} },
	}
}

// fakeGlusterd starts a brick, unless one runs already, and serves until SIGTERM.
func fakeGlusterd(dir fakeDir, args []string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	dir.log("glusterd " + strings.Join(args, " "))
	if pid := dir.pid("brick"); pid == 0 || syscall.Kill(pid, 0) != nil {
		if err := exec.CommandContext(context.Background(), "daemonize", "glusterfsd").Run(); err != nil {
			dir.log(err.Error())
		}
	}
	dir.write("glusterd", strconv.Itoa(os.Getpid()))
	<-signals
	dir.log("glusterd terminated")
	return 15
}

// daemonize starts a program that outlives the caller.
func daemonize(_ fakeDir, args []string) int {
	cmd := exec.CommandContext(context.Background(), args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 1
	}
	return 0
}

func fakeBrick(dir fakeDir, _ []string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	dir.write("brick", strconv.Itoa(os.Getpid()))
	<-signals
	time.Sleep(50 * time.Millisecond)
	dir.log("brick terminated")
	return 0
}

func fakeGluster(dir fakeDir, args []string) int {
	command := strings.TrimPrefix(strings.Join(args, " "), "--mode=script ")
	if pid := dir.pid("glusterd"); syscall.Kill(pid, 0) != nil {
		fmt.Println("Connection failed. Please check if gluster daemon is operational.")
		return 1
	}
	switch {
	case command == poolList:
		fmt.Println(okXML + "<peerStatus><peer><uuid>1</uuid><hostname>localhost</hostname><connected>1</connected></peer></peerStatus></cliOutput>")
	case strings.HasPrefix(command, "get-state"):
		words := strings.Fields(command)
		state := "[Global]\n[Volumes]\nVolume1.name: vol_1\nVolume1.type: Replicate\nVolume1.status: Started\nVolume1.Brick1.path: h:/b\n" +
			"Volume1.Brick1.status: Started\n[Misc]\n"
		_ = os.WriteFile(filepath.Join(words[3], words[5]), []byte(state), 0o600)
	case command == heal1:
		fmt.Println(okXML + "<healInfo><bricks><brick><name>h:/b</name><status>Connected</status><totalNumberOfEntries>" + dir.read("pending") +
			"</totalNumberOfEntries><numberOfEntriesInSplitBrain>0</numberOfEntriesInSplitBrain></brick></bricks></healInfo></cliOutput>")
	default:
		return 2
	}
	return 0
}

// fakeTool acts as its first argument says.
func fakeTool(_ fakeDir, args []string) int {
	switch args[0] {
	case "print":
		fmt.Print(strings.Repeat(args[1], 1<<16))
	case "fail":
		fmt.Fprintln(os.Stderr, args[1])
		return 3
	case "complain": // prints its error as gluster does
		fmt.Println(args[1])
		return 1
	case "environment":
		fmt.Print(os.Getenv(args[1]))
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		select {}
	case "family":
		cmd := exec.CommandContext(context.Background(), "sleep")
		cmd.Stdout = os.Stdout
		if cmd.Start() != nil {
			return 1
		}
		_ = cmd.Wait()
	case "leave": // leaves a daemon that keeps the output open
		cmd := exec.CommandContext(context.Background(), "sleep")
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, &syscall.SysProcAttr{Setsid: true}
		if cmd.Start() != nil {
			return 1
		}
		fmt.Print("left")
	}
	return 0
}
