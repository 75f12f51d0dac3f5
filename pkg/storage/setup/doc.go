// Package setup brings up GlusterFS and Heketi in a new cluster, as the Job of the chart glusterfs-storage. If there is no Heketi
// yet, a temporary Heketi first creates the volume for Heketi's database. In the last step, the setup loads the topology into
// Heketi. It never removes anything from Heketi. Setup.Run makes one run, which may be killed at any point and started again. Run
// waits for the end of other Jobs that work on the same devices.
package setup
