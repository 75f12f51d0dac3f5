package temporary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// Heketi is a Heketi server that ends with this process.
type Heketi struct {
	Client *heketi.Client

	options Options
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // why Heketi has ended; valid once done is closed
}

// errEnded is returned when Heketi has ended before it answered.
var errEnded = errors.New("the temporary Heketi has ended")

// Start starts a Heketi with the configuration of the cluster's Heketi, but on the database in o.Dir, on a free port, and without
// TLS, because the certificate is for another address. Start waits until Heketi answers. The caller must call Stop.
func (o Options) Start(ctx context.Context) (*Heketi, error) {
	const tries = 3 // another program may take the port before Heketi does
	for try := 1; ; try++ {
		h, err := o.startOnce(ctx)
		if err == nil || try == tries || !errors.Is(err, errEnded) {
			return h, err
		}
	}
}

func (o Options) startOnce(ctx context.Context) (*Heketi, error) {
	h, url, err := o.start(ctx)
	if err != nil {
		return nil, err
	}
	if o.Started != nil {
		url = o.Started(url, h.kill)
	}
	h.Client, err = heketi.NewClient(heketi.BackendConfig{Name: "temporary", URL: url}, o.Key, heketi.DefaultTiming())
	if err == nil {
		err = h.await(ctx)
	}
	if err != nil {
		h.Stop()
		return nil, err
	}
	return h, nil
}

func (o Options) start(ctx context.Context) (h *Heketi, url string, err error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, "", err
	}
	config := filepath.Join(o.Dir, "heketi.json")
	if err := o.writeConfig(config, port); err != nil {
		return nil, "", err
	}
	args := []string{"--config=" + config}
	if o.Key == "" {
		args = append(args, "--disable-auth")
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), o.Program, args...) // #nosec G204 -- the chart names the program
	cmd.Env = o.environment(port)
	output := &heketiLog{to: o.Output}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	h = &Heketi{options: o, cmd: cmd, done: make(chan struct{})}
	// The kernel sends Pdeathsig when the thread that started the process ends.
	thread := osthread.New()
	if err := thread.Do(cmd.Start); err != nil {
		thread.End()
		return nil, "", fmt.Errorf("start a temporary Heketi: %w", err)
	}
	go func() {
		defer thread.End()
		defer close(h.done)
		if h.err = cmd.Wait(); h.err == nil {
			h.err = errors.New("it has ended by itself")
		}
	}()
	return h, "http://127.0.0.1:" + port, nil
}

func (h *Heketi) await(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-h.done:
			cancel(fmt.Errorf("%w: %w; see its log above", errEnded, h.err))
		case <-ctx.Done():
		}
	}()
	t := h.options.Timing
	return wait.Until(ctx, t.Poll, t.Limit, "Waiting for the temporary Heketi", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, t.Hello)
		defer cancel()
		_, err := h.Client.Backend().Hello(ctx)
		return err
	})
}

// Stop asks Heketi to close its database and end. If Heketi does not end within Timing.Limit, Stop kills it.
func (h *Heketi) Stop() {
	if h.Client != nil {
		h.Client.Close()
	}
	_ = h.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-h.done:
	case <-time.After(h.options.Timing.Limit):
		h.kill()
		<-h.done
	}
}

func (h *Heketi) kill() { _ = h.cmd.Process.Kill() }

// environment returns this process's environment without the variables that would give the child another database or port.
func (o Options) environment(port string) []string {
	env := []string{"HEKETI_DB_PATH=" + o.Database(), "HEKETI_HTTP_PORT=" + port}
	if o.Key != "" {
		env = append(env, "HEKETI_ADMIN_KEY="+o.Key)
	}
	for _, variable := range os.Environ() {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "HEKETI_DB_PATH", "HEKETI_HTTP_PORT", "HEKETI_ADMIN_KEY", "HEKETI_BACKUP_DB_TO_KUBE_SECRET", "HEKETI_DEFAULT_STATE":
		default:
			env = append(env, variable)
		}
	}
	return env
}

// writeConfig copies the configuration, including fields that are unknown here. It changes only the database, the port and TLS,
// and turns off the background cleaner and Heketi's own backup into a Secret.
func (o Options) writeConfig(path, port string) error {
	content, err := os.ReadFile(o.Config)
	if err != nil {
		return fmt.Errorf("the configuration of Heketi: %w", err)
	}
	var config map[string]json.RawMessage
	var glusterfs map[string]json.RawMessage
	if err := json.Unmarshal(content, &config); err != nil {
		return fmt.Errorf("the configuration of Heketi, %s: %w", o.Config, err)
	}
	if err := json.Unmarshal(config["glusterfs"], &glusterfs); err != nil || glusterfs == nil {
		return fmt.Errorf(`the configuration of Heketi, %s: it has no object "glusterfs"`, o.Config)
	}
	glusterfs["db"] = quoted(o.Database())
	// One minute after its start, Heketi's cleaner would undo operations that CleanUp has not examined yet.
	glusterfs["disable_background_cleaner"] = []byte("true")
	config["glusterfs"], err = json.Marshal(glusterfs)
	if err != nil {
		return err
	}
	config["port"], config["enable_tls"], config["backup_db_to_kube_secret"] = quoted(port), []byte("false"), []byte("false")
	changed, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(path, changed, 0o600)
}

func quoted(text string) json.RawMessage { return encoded(text) }

// encoded returns the JSON of a string, or of a value that was decoded from JSON; encoding these cannot fail.
func encoded(value any) json.RawMessage {
	out, _ := json.Marshal(value)
	return out
}

// freePort returns a port that is free now, because Heketi cannot choose one itself.
func freePort(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// heketiLog passes on whole lines of a Heketi's log. It drops the lines of single requests: there are many, since the client
// polls for the end of operations.
type heketiLog struct {
	to   io.Writer
	part []byte
}

// Write implements io.Writer.
func (l *heketiLog) Write(p []byte) (int, error) {
	l.part = append(l.part, p...)
	for {
		i := bytes.IndexByte(l.part, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := l.part[:i+1]
		if !bytes.HasPrefix(line, []byte("[negroni] ")) {
			if _, err := l.to.Write(append([]byte("heketi: "), line...)); err != nil {
				return len(p), nil //nolint:nilerr // a log that cannot be written must not end Heketi
			}
		}
		l.part = l.part[i+1:]
	}
}
