package driver

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// TestSecretsUnderHarmlessKeys: a value in a request's secrets is secret, even under a key whose values are shown elsewhere.
func TestSecretsUnderHarmlessKeys(t *testing.T) {
	secrets := map[string]string{"server": secret, "backend": secret, "volume": secret}
	for _, request := range []any{
		&csi.CreateVolumeRequest{Name: "pvc-1", Secrets: secrets},
		&csi.DeleteVolumeRequest{VolumeId: "a/b", Secrets: secrets},
		&csi.ControllerExpandVolumeRequest{VolumeId: "a/b", Secrets: secrets},
		&csi.NodeStageVolumeRequest{VolumeId: "a/b", Secrets: secrets},
		&csi.NodePublishVolumeRequest{VolumeId: "a/b", Secrets: secrets},
	} {
		if text := (sanitized{request}).String(); strings.Contains(text, secret) || !strings.Contains(text, stripped) {
			t.Errorf("%T: %s", request, text)
		}
	}
}
