package setup

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

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// child is a Heketi that runs only as long as this process.
type child struct {
	url  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // why it has ended, when done is closed
}

// startHeketi starts a Heketi with the configuration of the real one, but on the database of s.Dir and a free port, and
// without TLS, whose certificate is for another address.
func (s *Setup) startHeketi(ctx context.Context) (*child, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.Dir, "heketi.json")
	if err := s.writeConfig(config, port); err != nil {
		return nil, err
	}
	args := []string{"--config=" + config}
	if s.Key == "" {
		args = append(args, "--disable-auth")
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.Program, args...) // #nosec G204 -- the chart names the program
	cmd.Env = s.environment(port)
	output := &heketiLog{to: s.Output}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c := &child{url: "http://127.0.0.1:" + port, cmd: cmd, done: make(chan struct{})}
	// The kernel sends Pdeathsig when the thread ends that has started the process.
	thread := osthread.New()
	if err := thread.Do(cmd.Start); err != nil {
		thread.End()
		return nil, fmt.Errorf("start a temporary Heketi: %w", err)
	}
	go func() {
		defer thread.End()
		defer close(c.done)
		if c.err = cmd.Wait(); c.err == nil {
			c.err = errors.New("it has ended by itself")
		}
	}()
	if s.started != nil {
		c.url = s.started(c)
	}
	return c, nil
}

// end lets it close its database, and kills it if it does not.
func (c *child) end(limit time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(limit):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// environment is that of this process without what would lead the child to another database or port.
func (s *Setup) environment(port string) []string {
	env := []string{"HEKETI_DB_PATH=" + s.databaseFile(), "HEKETI_HTTP_PORT=" + port}
	if s.Key != "" {
		env = append(env, "HEKETI_ADMIN_KEY="+s.Key)
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

// writeConfig keeps whatever the configuration has that is not known here.
func (s *Setup) writeConfig(path, port string) error {
	content, err := os.ReadFile(s.Config)
	if err != nil {
		return fmt.Errorf("the configuration of Heketi: %w", err)
	}
	var config map[string]json.RawMessage
	var glusterfs map[string]json.RawMessage
	if err := json.Unmarshal(content, &config); err != nil {
		return fmt.Errorf("the configuration of Heketi, %s: %w", s.Config, err)
	}
	if err := json.Unmarshal(config["glusterfs"], &glusterfs); err != nil || glusterfs == nil {
		return fmt.Errorf(`the configuration of Heketi, %s: it has no object "glusterfs"`, s.Config)
	}
	glusterfs["db"] = quoted(s.databaseFile())
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

func quoted(text string) json.RawMessage {
	out, _ := json.Marshal(text) // of a string, it does not fail
	return out
}

// freePort returns a port that nobody uses now: Heketi cannot choose one itself.
func freePort(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// heketiLog passes on whole lines of a Heketi's log, without those for each request: there are many, since its operations
// are asked for their end.
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
