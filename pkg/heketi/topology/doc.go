// Package topology reads and checks Heketi's classic topology.json (Read, Parse), compares it with a Heketi (Compare), and loads
// it into a Heketi (Loader). A load adds missing clusters, nodes and devices, and never removes anything, so it may be repeated.
// Only one load into a Heketi may run at a time. If Heketi refuses nodes or devices, the load adds the others, and its error
// contains a RefusedError for each refused one.
package topology
