package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

func cutPower(ctx context.Context, d *demo) error {
	n := d.nodes[0]
	source, err := d.mountedFrom(ctx, n)
	if err != nil {
		return err
	}
	b, err := outside.BrickAt(d.lab, source)
	if err != nil {
		return err
	}
	d.cut = b.Machine
	d.called("host", "mount table of %s: mounted from %s, which is %s", n.Name, strings.Split(source, ":")[0], b.Machine.Name)
	d.called("lab", "power cut of %s (all its processes are killed)", b.Machine.Name)
	if err := b.Machine.PowerCut(ctx); err != nil {
		return err
	}
	begin := time.Now()
	if err := d.write(ctx, "news.html", "<p>One of three servers is gone. No client noticed.</p>\n"); err != nil {
		return err
	}
	d.figures.gap = time.Since(begin)
	d.answer("written in %s, without an error", round(d.figures.gap))
	for _, name := range []string{"news.html", "index.html"} {
		if err := d.read(ctx, name); err != nil {
			return err
		}
	}
	if b.Machine.Running(ctx) {
		return fmt.Errorf("%s was not switched off at all", b.Machine.Name)
	}
	return nil
}

func bringBack(ctx context.Context, d *demo) error {
	d.called("lab", "power on %s", d.cut.Name)
	begin := time.Now()
	if err := d.cut.Start(ctx); err != nil {
		return err
	}
	d.answer("its glusterd answers after %s", round(time.Since(begin)))
	other := d.lab.Storage(1)
	if other.Name == d.cut.Name {
		other = d.lab.Storage(2)
	}
	d.called(other.Name, "gluster volume heal %s info; gluster pool list", d.glusterName())
	if err := d.watchHeal(ctx, other, begin); err != nil {
		return err
	}
	d.figures.healed = time.Since(begin)
	// Volumes can be deleted only while all servers are connected to each other.
	for i := 1; i <= lab.StorageNodes; i++ {
		if err := eventually(ctx, time.Minute, func() error { return allPeers(ctx, d.lab.Storage(i)) }); err != nil {
			return err
		}
	}
	d.answer("after %s: all servers see each other", round(time.Since(begin)))
	var back []outside.Brick
	for _, b := range d.bricks {
		if b.Machine.Name == d.cut.Name {
			back = append(back, b)
		}
	}
	d.called(d.cut.Name, "stat, sha256sum of both files on its brick")
	return d.compareBricks(ctx, back)
}

// allPeers returns an error unless a server is connected to all others.
func allPeers(ctx context.Context, m *lab.Machine) error {
	text, err := on(ctx, m, "gluster", "pool", "list")
	if err != nil {
		return err
	}
	if strings.Count(strings.ReplaceAll(text, "Disconnected", ""), "Connected") != lab.StorageNodes {
		return fmt.Errorf("%s does not see all servers:\n%s", m.Name, text)
	}
	return nil
}

// watchHeal waits until all bricks are connected and none has anything to heal.
func (d *demo) watchHeal(ctx context.Context, m *lab.Machine, begin time.Time) error {
	said := ""
	for {
		text, err := on(ctx, m, "gluster", "volume", "heal", d.glusterName(), "info")
		if err != nil && ctx.Err() != nil {
			return err
		}
		connected, entries := healState(text)
		now := fmt.Sprintf("%d of %d bricks connected, entries to heal: %d", connected, len(d.bricks), entries)
		if now != said {
			d.answer("after %s: %s", round(time.Since(begin)), now)
			said = now
		}
		if connected == len(d.bricks) && entries == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("self-heal did not finish: %s", now)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// healState parses `gluster volume heal NAME info`. Each brick that has recorded a missed change counts it, so that one change
// appears on two bricks if the third was away.
func healState(text string) (connected, entries int) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Status":
			if value == "Connected" {
				connected++
			}
		case "Number of entries":
			n, _ := strconv.Atoi(value) // "-" for a brick that is not connected
			entries = max(entries, n)
		}
	}
	return connected, entries
}
