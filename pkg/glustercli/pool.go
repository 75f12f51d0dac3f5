package glustercli

import (
	"fmt"
	"io"
)

// Peer is a server of the trusted pool.
type Peer struct {
	UUID      string `json:"uuid"`
	Hostname  string `json:"hostname"` // "localhost" for the server that answers
	Connected bool   `json:"connected"`
	State     string `json:"state,omitempty"` // "Peer in Cluster" for a peer that takes part; empty for the server that answers
}

// self is the host name that a server gives for itself.
const self = "localhost"

// IsSelf reports whether the peer is the server that has answered.
func (p Peer) IsSelf() bool { return p.Hostname == self }

// inCluster is the state of a peer that takes part (glusterfs: xlators/mgmt/glusterd/src/glusterd-sm.c).
const inCluster = "Peer in Cluster"

// InCluster reports whether the peer is connected and takes part in the pool.
func (p Peer) InCluster() bool { return p.Connected && (p.State == "" || p.State == inCluster) }

// Condition returns the peer's state as "gluster peer status" prints it.
func (p Peer) Condition() string {
	connection := "Disconnected"
	if p.Connected {
		connection = "Connected"
	}
	if p.State == "" {
		return connection
	}
	return fmt.Sprintf("%s (%s)", p.State, connection)
}

// ReadPool decodes the output of "gluster pool list --xml".
func ReadPool(r io.Reader) ([]Peer, error) {
	var output struct {
		Peers []struct {
			UUID      string `xml:"uuid"`
			Hostname  string `xml:"hostname"`
			Connected int    `xml:"connected"`
			State     string `xml:"stateStr"`
		} `xml:"peerStatus>peer"`
	}
	if err := Decode(r, "pool list", &output); err != nil {
		return nil, err
	}
	peers := make([]Peer, 0, len(output.Peers))
	for _, p := range output.Peers {
		peers = append(peers, Peer{UUID: p.UUID, Hostname: p.Hostname, Connected: p.Connected == 1, State: p.State})
	}
	return peers, nil
}
