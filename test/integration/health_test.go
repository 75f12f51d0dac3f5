package integration

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// examinationLimit bounds the time until the controller reports a change: it examines Heketi at intervals, and an examination
// takes longer the more servers are off.
const examinationLimit = 3 * time.Minute

// patient is a volume that is mounted on a node.
type patient struct {
	*rig
	n               *node
	v               *csi.Volume
	seen            outside.GlusterVolume
	staging, target string
}

// TestHealth takes bricks away from a volume in use, and checks the health that the controller and the node report.
func TestHealth(t *testing.T) {
	r := newRig(t)
	p := patient{rig: r, n: r.nodes[0], v: r.create(createRequest(replica3()))}
	p.seen = r.mustGlusterVolume(nameOf(p.v))
	p.staging = r.stage(p.n, p.v)
	p.target = r.publish(p.n, p.v, p.staging, false)
	p.nodeSays("")
	p.controllerSays("")

	for _, step := range []struct {
		name string
		run  func(p patient)
	}{
		{"brick processes die", patient.bricksDie},
		{"a server is switched off", patient.serverOff},
		{"a brick's file system is gone", patient.unmounted},
		{"the volume is stopped", patient.stopped},
		{"the client dies", patient.clientDies},
	} {
		ok := r.Run(step.name, func(t *testing.T) {
			p := p
			p.rig = r.on(t)
			step.run(p)
			p.nodeSays("")
			p.controllerSays("")
		})
		if !ok {
			return // the volume is not in the state that the next case expects
		}
	}
}

// bricksDie: the node reports it immediately. The controller must report nothing, because Heketi does not check processes.
func (p patient) bricksDie() {
	p.Cleanup(p.startBricks)
	p.killBrick(p.seen.Bricks[1])
	p.nodeSays("DEGRADED BricksDown", p.seen.Bricks[1], "1 of 3")
	p.controllerSays("")
	p.killBrick(p.seen.Bricks[2])
	p.nodeSays("INACCESSIBLE BricksDown", p.seen.Bricks[1], p.seen.Bricks[2], "2 of 3")
	p.startBricks()
}

func (p patient) serverOff() {
	i := slices.IndexFunc(p.seen.Bricks, func(brick string) bool { return p.storageOf(brick).Name == "storage1" })
	p.noticeSooner()
	p.Cleanup(func() { p.powerOn() })
	p.ok(p.lab.Storage(1).PowerCut(p.call()), "power cut")
	p.nodeSays("DEGRADED BricksDown", p.seen.Bricks[i])
	p.controllerSays("DEGRADED BricksDown", p.seen.Bricks[i], "does not reach")
	p.powerOn()
}

func (p patient) unmounted() {
	brick := p.seen.Bricks[1]
	_, path, _ := strings.Cut(brick, ":")
	point := strings.TrimSuffix(path, "/brick")
	storage := p.storageOf(brick)
	remount := func() {
		_, err := p.command(storage, "sh", "-c", "mountpoint -q "+point+" || mount -T /var/lib/heketi/fstab "+point)
		p.ok(err, "mount the brick again")
		p.startBricks()
	}
	p.Cleanup(remount)
	p.killBrick(brick)
	p.eventually(commandLimit, "unmount a brick", func() error {
		_, err := p.command(storage, "umount", point)
		return err
	})
	p.controllerSays("DEGRADED BricksDown", brick, "not mounted")
	remount()
}

func (p patient) stopped() {
	start := func() { p.gluster(2, "volume", "start", p.seen.Name, "force") }
	p.Cleanup(start)
	p.gluster(2, "volume", "stop", p.seen.Name)
	p.nodeSays("INACCESSIBLE BricksDown", p.seen.Bricks...)
	p.controllerSays("INACCESSIBLE VolumeStopped", "gluster volume start "+p.seen.Name)
	start()
}

// clientDies: the staging path and the published path report it, and another client ends the condition.
func (p patient) clientDies() {
	p.ok(p.withoutHealing(p.n).Start(p.call()), "start the node plugin")
	p.kill(p.n, p.seen.Name, p.target)
	p.nodeSays("INACCESSIBLE ClientDead")
	_, err := p.n.NodePublishVolume(p.call(), publishRequest(p.v, p.staging, p.target))
	p.ok(err, "NodePublishVolume over a dead client")
}

// nodeSays waits until the node reports exactly this condition for every path; "" means no condition.
func (p patient) nodeSays(condition string, says ...string) {
	p.Helper()
	p.eventually(time.Minute, "NodeGetVolumeHealth", func() error {
		for _, request := range []*csi.NodeGetVolumeHealthRequest{
			{VolumePublishPath: p.target}, {StagingTargetPath: p.staging}, {},
		} {
			request.VolumeId = p.v.GetVolumeId()
			answer, err := p.n.NodeGetVolumeHealth(p.call(), request)
			if err != nil {
				return err
			}
			if err := p.compare(answer.GetVolumeHealth(), condition, says); err != nil {
				return err
			}
		}
		return nil
	})
}

// controllerSays does the same for both of the controller's calls.
func (p patient) controllerSays(condition string, says ...string) {
	p.Helper()
	p.eventually(examinationLimit, "ControllerGetVolumeHealth", func() error {
		answer, err := p.controller.ControllerGetVolumeHealth(p.call(), &csi.ControllerGetVolumeHealthRequest{VolumeId: p.v.GetVolumeId()})
		if err != nil {
			return err
		}
		return p.compare(answer.GetVolumeHealth(), condition, says)
	})
	list, err := p.controller.ControllerListVolumeHealth(p.call(), &csi.ControllerListVolumeHealthRequest{})
	p.ok(err, "ControllerListVolumeHealth")
	entries := slices.DeleteFunc(list.GetEntries(), func(h *csi.VolumeHealth) bool { return h.GetVolumeId() != p.v.GetVolumeId() })
	if condition == "" {
		if len(entries) > 0 {
			p.Errorf("ControllerListVolumeHealth has %v", entries)
		}
		return
	}
	if len(entries) != 1 {
		p.Fatalf("ControllerListVolumeHealth has %v", list)
	}
	p.ok(p.compare(entries[0], condition, says), "ControllerListVolumeHealth")
}

func (p patient) compare(health *csi.VolumeHealth, condition string, says []string) error {
	entries := health.GetHealthStatuses()
	found, messages := make([]string, 0, len(entries)), make([]string, 0, len(entries))
	for _, entry := range entries {
		found = append(found, entry.GetStatus().String()+" "+entry.GetReason())
		messages = append(messages, entry.GetMessage())
	}
	if health.GetVolumeId() != p.v.GetVolumeId() || strings.Join(found, ", ") != condition {
		return fmt.Errorf("got %v, want %q", health, condition)
	}
	for _, part := range says {
		if !strings.Contains(strings.Join(messages, "; "), part) {
			return fmt.Errorf("%q does not say %q", messages, part)
		}
	}
	return nil
}

// killBrick ends one brick's process.
func (p patient) killBrick(brick string) {
	p.Helper()
	_, err := p.command(p.storageOf(brick), "kill", "-9", p.brickPID(p.seen.Name, brick))
	p.ok(err, "kill a brick")
}

// brickPID returns the process ID of a volume's brick, on its storage node.
func (r *rig) brickPID(volume, brick string) string {
	r.Helper()
	var answer struct {
		Nodes []struct {
			Path string `xml:"path"`
			Pid  string `xml:"pid"`
		} `xml:"volStatus>volumes>volume>node"`
	}
	r.ok(xml.Unmarshal([]byte(r.gluster(2, "volume", "status", volume, brick, "--xml")), &answer), "read gluster volume status")
	_, path, _ := strings.Cut(brick, ":")
	for _, process := range answer.Nodes {
		if process.Path == path {
			return process.Pid
		}
	}
	r.Fatalf("gluster knows no process of brick %s: %+v", brick, answer)
	return ""
}

func (p patient) startBricks() {
	p.Helper()
	p.gluster(2, "volume", "start", p.seen.Name, "force")
}
