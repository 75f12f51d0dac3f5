package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/orphans"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
)

// mode selects the services that a process offers.
type mode struct{ controller, node bool }

// options holds the values of the flags.
type options struct {
	endpoint       string
	socket         string // the path that endpoint names
	driverName     string
	nodeID         string
	maxVolumes     int64 // 0 means no limit
	config         string
	kubeconfig     string
	reportOrphans  time.Duration // 0 means never
	stateDir       string        // "" means that the controller keeps no state across restarts
	lateRequests   time.Duration // see heketi.Timing.Late
	metricsAddress string
	healthAddress  string
	annotateGIDs   bool
	capacity       capacityOptions
	registration   registrationOptions
	clusters       clusterOptions
	clients        clientOptions
	allowedServers allowedOptions
	removeTaint    bool
	healMounts     bool
	hungLimit      time.Duration // 0 means that clients that hang are left alone
	events         bool
	volumeHealth   bool
	logging        logging.Options
}

const (
	endpointVariable = "CSI_ENDPOINT"
	nodeIDVariable   = "NODE_ID"
)

// defaultStateDir is the default state directory of a node plugin.
const defaultStateDir = "/var/lib/glusterfs-csi"

// register adds only the flags that have a meaning in the mode.
func (o *options) register(flags *pflag.FlagSet, m mode) {
	flags.StringVar(&o.endpoint, "endpoint", "", "unix socket to serve CSI on, as in unix:///csi/csi.sock (or variable "+endpointVariable+")")
	flags.StringVar(&o.driverName, "driver-name", driver.DefaultName, "name of the driver, the provisioner of StorageClasses")
	flags.StringVar(&o.metricsAddress, "metrics-address", "", "TCP address to serve Prometheus metrics on, as in :9090 (default off)")
	flags.StringVar(&o.healthAddress, "health-address", "", "TCP address to serve /healthz on, which checks only this process, as in :9808 (default off)")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file (default the service account of this pod), for flags that need the Kubernetes API")
	flags.BoolVar(&o.volumeHealth, "volume-health", false, "answer CSI's calls for volume health, which are alpha in CSI 1.13")
	o.logging.Register(flags)
	stateDir := ""
	if m.node {
		stateDir = defaultStateDir
	}
	flags.StringVar(&o.stateDir, "state-dir", stateDir, "directory for data that must survive a restart: on the host for the node plugin, in the pod for the controller (the controller has no default)")
	if m.controller {
		flags.DurationVar(&o.lateRequests, "late-requests", heketi.DefaultTiming().Late, "how long to expect that Heketi still carries out a request that it has not answered; "+
			"the volume is not expanded again during this time")
		flags.StringVar(&o.config, "config", "", "YAML file that lists the Heketi backends")
		flags.BoolVar(&o.annotateGIDs, "annotate-pv-gid", false, "annotate each PersistentVolume with the group of its volume, for API servers without MutatingAdmissionPolicy; needs the Kubernetes API")
		o.capacity.register(flags)
		flags.DurationVar(&o.reportOrphans, "report-orphans", 0, "how often to look for volumes without a PersistentVolume, and PersistentVolumes without a volume, as in 6h; logs and metrics report them (default 0, never)")
	}
	if m.node {
		flags.StringVar(&o.nodeID, "node-id", "", "name of this node (or variable "+nodeIDVariable+")")
		flags.Int64Var(&o.maxVolumes, "max-volumes-per-node", 0, "how many volumes of this driver the scheduler may place on this node (default 0, no limit)")
		o.registration.register(flags)
		o.clusters.register(flags)
		o.clients.register(flags)
		o.allowedServers.register(flags)
		flags.BoolVar(&o.healMounts, "heal-mounts", true, "repair the mounts in running pods after the death of a GlusterFS client, and after a change of a volume's bricks or options")
		flags.DurationVar(&o.hungLimit, "hung-client-limit", healing.DefaultLimits().Hung, "with --heal-mounts: how long a GlusterFS client may leave requests unanswered although its bricks answer; after that, it is killed and replaced (0: never)")
		flags.BoolVar(&o.events, "events", false, "create events on pods and PersistentVolumes about the repair of their mounts; needs the Kubernetes API")
		flags.BoolVar(&o.removeTaint, "remove-agent-not-ready-taint", false, "remove the taint DRIVER-NAME/"+kube.NotReadySuffix+" from this node (--node-id) when the kubelet has registered the driver; needs the Kubernetes API")
	}
}

// complete fills in missing values from the environment, and checks all values. Its error says what to write.
func (o *options) complete(m mode) error {
	if o.endpoint == "" {
		o.endpoint = os.Getenv(endpointVariable)
	}
	if o.endpoint == "" {
		return fmt.Errorf("--endpoint is missing: write --endpoint=unix:///csi/csi.sock, or set %s", endpointVariable)
	}
	var err error
	if o.socket, err = unixsocket.Path(o.endpoint); err != nil {
		return fmt.Errorf("--endpoint: %w", err)
	}
	if err := driver.CheckName(o.driverName); err != nil {
		return fmt.Errorf("--driver-name: %w", err)
	}
	if err := o.logging.Check(); err != nil {
		return err
	}
	if err := checkAddress("--metrics-address", o.metricsAddress, ":9090"); err != nil {
		return err
	}
	if err := checkAddress("--health-address", o.healthAddress, ":9808"); err != nil {
		return err
	}
	if (m.node || o.stateDir != "") && !filepath.IsAbs(o.stateDir) {
		return fmt.Errorf("--state-dir=%s: write an absolute path", o.stateDir)
	}
	if m.controller {
		if err := o.completeController(); err != nil {
			return err
		}
	}
	if m.node {
		return o.completeNode()
	}
	return nil
}

func (o *options) completeController() error {
	switch {
	case o.config == "":
		return errors.New("--config is missing: write --config=FILE, a YAML file with the list \"backends\" of Heketi servers (name, url, user, keyFile)")
	case o.lateRequests < time.Second:
		return fmt.Errorf("--late-requests=%s: write at least 1s; the default, %s, is the longest time for which Heketi accepts a request", o.lateRequests, heketi.DefaultTiming().Late)
	case o.reportOrphans != 0 && o.reportOrphans < orphans.ConfirmAfter:
		return fmt.Errorf("--report-orphans=%s: write at least %s, as in 6h, or 0 for never", o.reportOrphans, orphans.ConfirmAfter)
	}
	return o.capacity.complete()
}

// shortestHung is the smallest --hung-client-limit above 0: a very busy machine may keep a client waiting nearly as long.
const shortestHung = 10 * time.Second

func (o *options) completeNode() error {
	if o.nodeID == "" {
		o.nodeID = os.Getenv(nodeIDVariable)
	}
	const longest = 256 // CSI spec, NodeGetInfoResponse.node_id
	switch {
	case o.nodeID == "":
		return fmt.Errorf("--node-id is missing: write --node-id=NAME, the same at every start of this node, or set %s", nodeIDVariable)
	case len(o.nodeID) > longest:
		return fmt.Errorf("--node-id is %d bytes long: at most %d are allowed", len(o.nodeID), longest)
	case o.maxVolumes < 0:
		return fmt.Errorf("--max-volumes-per-node=%d: write a number of volumes, or 0 for no limit", o.maxVolumes)
	case o.hungLimit != 0 && o.hungLimit < shortestHung:
		return fmt.Errorf("--hung-client-limit=%s: write at least %s, as in 2m, or 0 for never", o.hungLimit, shortestHung)
	}
	if err := o.clusters.complete(); err != nil {
		return err
	}
	if err := o.clients.complete(); err != nil {
		return err
	}
	if err := o.allowedServers.complete(); err != nil {
		return err
	}
	return o.registration.check(o.driverName)
}

func checkAddress(flag, address, example string) error {
	if address == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%s=%s: write host:port or :port, as in %s", flag, address, example)
	}
	return nil
}
