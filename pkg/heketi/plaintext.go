package heketi

import (
	"net/netip"
	"net/url"
)

// HintPlaintext is the warning for every connection that sends requests unencrypted.
const HintPlaintext = "anyone who sees one request can repeat it for five minutes with any content, and delete volumes or run commands on gluster servers; " +
	"give Heketi a certificate and the backend an https url"

// Plaintext reports whether requests to the backend leave this machine unencrypted.
func (b *Backend) Plaintext() bool {
	u, err := url.Parse(b.config.URL)
	if err != nil || u.Scheme != "http" {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return u.Hostname() != "localhost"
	}
	return !address.Unmap().IsLoopback()
}
