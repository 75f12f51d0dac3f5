// Package topology reads and checks Heketi's classic topology.json, and loads it into a Heketi. A load adds missing clusters,
// nodes and devices, and never removes anything, so it may be repeated.
package topology
