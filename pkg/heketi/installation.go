package heketi

import "github.com/glusterfs-csi/glusterfs-csi/pkg/volume"

// Backend returns the backend that the client calls.
func (c *Client) Backend() *Backend { return c.backend }

// Adopts reports whether volumes that were taken over may be deleted and expanded.
func (b *Backend) Adopts() bool { return b.config.Adopt == nil || *b.config.Adopt }

// VolumeNamePrefix is what names of this installation's volumes begin with; "" is anything.
func (b *Backend) VolumeNamePrefix() string { return b.config.VolumeNamePrefix }

// OfThisInstallation reports whether a volume that this driver has made, by its name, may be one of this installation.
func (b *Backend) OfThisInstallation(glusterName string) bool {
	return b.config.VolumeNamePrefix == "" || volume.HasNamePrefix(glusterName, b.config.VolumeNamePrefix)
}
