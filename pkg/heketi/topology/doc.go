// Package topology reads and checks Heketi's classic topology.json, and loads it into a Heketi: what is missing there
// is added, and nothing is ever removed.
package topology
