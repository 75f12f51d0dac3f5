// Package setup brings up GlusterFS and Heketi in a new cluster, as the Job of the chart glusterfs-storage. It starts neither the
// GlusterFS servers nor the cluster's Heketi. Kubernetes starts them, and the setup waits for them: the servers must run on the
// nodes of the topology, and the pod of Heketi starts as soon as the setup has made the claim for Heketi's database.
//
// If there is no Heketi yet, a temporary Heketi first creates the volume for Heketi's database. In the last step, the setup loads
// the topology into Heketi. It never removes anything from Heketi. Setup.Run makes one run, which may be killed at any point and
// started again. Run waits for the end of other Jobs that work on the same devices.
package setup
