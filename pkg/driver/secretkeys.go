package driver

import "github.com/glusterfs-csi/glusterfs-csi/pkg/volume"

// The keys of a request's secrets. They override the configured backend's user and key.
const (
	secretUser = "user"
	secretKey  = "key"
)

func credentialsOf(secrets map[string]string) volume.Credentials {
	return volume.Credentials{User: secrets[secretUser], Key: secrets[secretKey]}
}
