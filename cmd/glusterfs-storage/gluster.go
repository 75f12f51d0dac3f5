package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/gluster"
)

type glusterOptions struct {
	healthPort  int
	healTimeout time.Duration
	logs        logOptions
	logging     logging.Options
}

func newGlusterCommand() *cobra.Command {
	var o glusterOptions
	cmd := &cobra.Command{
		Use:   "gluster",
		Short: "Run GlusterFS, as the first process of its container",
		Long: "Mount the bricks of this node, run glusterd, answer probes. This must be the first process of its container: it adopts the\n" +
			"bricks' processes, and ends them before it ends itself.",
		Args: commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return commandline.Usage(err)
			}
			if os.Getpid() != 1 {
				return errors.New("this is not the first process of a container: run it as the container's command, without a shell and without a shared " +
					"process namespace (shareProcessNamespace, hostPID)")
			}
			// A second signal ends other commands at once. This command ignores it, because the bricks would end, too.
			ignored := make(chan os.Signal, 1)
			signal.Notify(ignored, syscall.SIGTERM, syscall.SIGINT)
			defer signal.Stop(ignored)
			config := gluster.DefaultConfig()
			config.HealthAddress = fmt.Sprintf("127.0.0.1:%d", o.healthPort)
			config.HealTimeout = o.healTimeout
			config.Logs.Limits = o.logs.limits()
			return gluster.Run(klog.NewContext(cmd.Context(), o.logging.Install(cmd.ErrOrStderr())), config)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.healthPort, "health-port", 29690, "port of /healthz, /readyz and /servez on 127.0.0.1")
	flags.DurationVar(&o.healTimeout, "heal-timeout", 0, "report ready after this time even if volumes are not healed (0: no limit)")
	o.logs.register(flags)
	o.logging.Register(flags)
	return cmd
}

func (o *glusterOptions) check() error {
	if o.healthPort < 1 || o.healthPort > 65535 {
		return fmt.Errorf("--health-port=%d: write a port from 1 to 65535", o.healthPort)
	}
	if o.healTimeout < 0 {
		return fmt.Errorf("--heal-timeout=%s: write a time such as 1h, or 0 for no limit", o.healTimeout)
	}
	return errors.Join(o.logs.check(), o.logging.Check())
}
