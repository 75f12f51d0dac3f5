// Package setup brings up GlusterFS and Heketi in a new cluster, as the Job of the chart glusterfs-storage: it loads the topology
// and, before there is a Heketi, creates the volume for Heketi's database. It may be killed at any point and started again.
package setup
