package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// callLimit bounds each CSI call. No call may need that long: one that reaches the limit has hung.
const callLimit = 2 * time.Minute

// rig is the running lab, as used by one test.
type rig struct {
	*testing.T
	lab        *lab.Lab
	identity   csi.IdentityClient
	controller csi.ControllerClient
	nodes      []*node
}

// node is a client machine with its node plugin.
type node struct {
	*lab.Machine
	csi.NodeClient
	identity csi.IdentityClient
	plugin   *lab.DriverProcess
	dir      string // the directory of staging and target paths; the same inside and outside the machine
}

func newRig(t *testing.T) *rig {
	t.Helper()
	l, err := lab.Open(labDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, lab: l}
	conn := r.dial(l.Controller().Endpoint)
	r.identity, r.controller = csi.NewIdentityClient(conn), csi.NewControllerClient(conn)
	for i := 1; i <= lab.ClientNodes; i++ {
		conn := r.dial(l.NodePlugin(i).Endpoint)
		r.nodes = append(r.nodes, &node{
			Machine: l.Node(i), NodeClient: csi.NewNodeClient(conn), identity: csi.NewIdentityClient(conn),
			plugin: l.NodePlugin(i), dir: l.NodeDir(i),
		})
	}
	return r
}

// on returns the same rig for a subtest.
func (r *rig) on(t *testing.T) *rig {
	t.Helper()
	same := *r
	same.T = t
	return &same
}

// dial connects to a socket that may be absent for a while: calls wait for it, and work again soon after a restart.
func (r *rig) dial(endpoint string) *grpc.ClientConn {
	r.Helper()
	conn, err := grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond},
		}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
	)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ctx returns a context for one call or command. It is not derived from the test's context, which has ended when clean-up
// functions run.
func (r *rig) ctx(limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	r.Cleanup(cancel)
	return ctx
}

func (r *rig) call() context.Context { return r.ctx(callLimit) }

// ok fails the test if err is not nil.
func (r *rig) ok(err error, what string) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// refused checks an error's code and the parts of its message. An exit status is never enough of a reason.
func (r *rig) refused(err error, code codes.Code, says ...string) {
	r.Helper()
	if status.Code(err) != code {
		r.Fatalf("answer is %s, want %s: %v", status.Code(err), code, err)
	}
	message := status.Convert(err).Message()
	for _, part := range says {
		if !strings.Contains(message, part) {
			r.Errorf("the message does not say %q: %s", part, message)
		}
	}
	if strings.Contains(message, "exit status") {
		r.Errorf("the message names an exit status instead of a reason: %s", message)
	}
}

// eventually repeats check until it returns nil.
func (r *rig) eventually(limit time.Duration, what string, check func() error) {
	r.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// end kills or stops a process of the lab. The process is started again at the end of the test, even if the test has failed,
// because cleaning up needs it.
func (r *rig) end(process interface {
	Start(context.Context) error
	Running(context.Context) bool
}, how func(context.Context) error) {
	r.Helper()
	r.Cleanup(func() {
		if !process.Running(r.call()) {
			r.ok(process.Start(r.call()), "start a process again")
		}
	})
	r.ok(how(r.call()), "end a process")
}

// again repeats a call that the driver refuses because of another call in progress, as orchestrators do.
func again(call func() error) error {
	for range 100 {
		if err := call(); status.Code(err) != codes.Aborted {
			return err
		}
	}
	return call()
}
