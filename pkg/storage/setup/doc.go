// Package setup brings GlusterFS and Heketi in a cluster from nothing to work, as the Job of the chart glusterfs-storage:
// it loads the topology, and before there is a Heketi, it makes the volume on which Heketi keeps its database. It may be
// killed anywhere and started again.
package setup
