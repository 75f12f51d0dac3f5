package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	webPort = "8080"
	page    = "<h1>Hello from node 1</h1>\n<p>Three bricks hold this page.</p>\n"
)

// servePage starts the web server, which runs until the volume is unmounted.
func servePage(ctx context.Context, d *demo) error {
	server := d.nodes[1]
	if err := d.write(ctx, "index.html", page); err != nil {
		return err
	}
	d.called(server.Name, "web server for %s, at %s", server.target, address(server))
	if err := d.startServer(ctx, server); err != nil {
		return err
	}
	return d.read(ctx, "index.html")
}

// startServer starts this program as a web server on a node, and leaves it running for later steps.
func (d *demo) startServer(ctx context.Context, n *node) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cmd := n.Command(ctx, self, "serve", n.target, ":"+webPort)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return fmt.Errorf("start the web server on %s: %w", n.Name, err)
	}
	d.stopServer = func() {
		cancel()
		_ = cmd.Wait() // returns an error, because the server was killed
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return errors.Join(fmt.Errorf("the web server on %s ended at once", n.Name), err)
	}
	return nil
}

// write writes a file on node 1.
func (d *demo) write(ctx context.Context, name, text string) error {
	n := d.nodes[0]
	d.called(n.Name, "write %s, %d bytes", filepath.Join(n.target, name), len(text))
	if err := write(ctx, n.Machine, filepath.Join(n.target, name), text); err != nil {
		return err
	}
	d.pages[name] = text
	return nil
}

// read fetches a file on node 1 from the web server on node 2.
func (d *demo) read(ctx context.Context, name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// A web server serves index.html as its directory.
	url := address(d.nodes[1]) + "/" + strings.TrimPrefix(name, "index.html")
	n := d.nodes[0]
	d.called(n.Name, "GET %s", url)
	begin := time.Now()
	got, err := on(ctx, n.Machine, self, "fetch", url)
	if err != nil {
		return err
	}
	if got+"\n" != d.pages[name] {
		return fmt.Errorf("%s serves %q as %s, not %q", d.nodes[1].Name, got, name, d.pages[name])
	}
	first, _, _ := strings.Cut(got, "\n")
	d.answer("200 OK in %s: %s", round(time.Since(begin)), first)
	return nil
}

func address(n *node) string { return "http://" + net.JoinHostPort(n.Name, webPort) }
