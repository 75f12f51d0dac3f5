package servers

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBricksOf(t *testing.T) {
	const (
		info = "Volume Name: v\nNumber of Bricks: 1 x 3 = 3\nBricks:\nBrick1: 10.0.0.1:/b/1\nBrick2: fd00::2:/b/2 (arbiter)\nBrick3: 10.0.0.11:/b/3\nOptions Reconfigured:\nuser.Brick4: 10.0.0.1:/x\n"
		pool = "UUID\t\t\t\t\tHostname \tState\n7bd2-1\tfd00::2  \tDisconnected \n7bd2-2\t10.0.0.11\tConnected \n7bd2-3\tlocalhost\tConnected \n"
	)
	want := []Brick{{Name: "10.0.0.1:/b/1", Host: "10.0.0.1"}, {Name: "fd00::2:/b/2", Host: "fd00::2", Lost: true}, {Name: "10.0.0.11:/b/3", Host: "10.0.0.11"}}
	if diff := cmp.Diff(want, bricksOf(info, pool)); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
	if got := bricksOf("", ""); got != nil {
		t.Errorf("%+v", got)
	}
}

// pools holds the answers to volume info by pod; a pod that is missing here does not have the volume.
type pools map[string]string

func (p pools) Run(_ context.Context, pod, _ string, command ...string) ([]byte, error) {
	switch info, ok := p[pod]; {
	case command[2] == "pool":
		return []byte("uuid\t10.0.0.3\tDisconnected \n"), nil
	case !ok:
		return nil, errors.New("Volume v does not exist")
	default:
		return []byte(info), nil
	}
}

// TestBricks: a server outside the pool does not have the volume, so the next server is asked.
func TestBricks(t *testing.T) {
	pods := Pods{"n1": "gluster-1", "n2": "gluster-2"}
	got, err := pods.Bricks(t.Context(), pools{"gluster-2": "Brick1: 10.0.0.3:/b\n"}, "v")
	if diff := cmp.Diff([]Brick{{Name: "10.0.0.3:/b", Host: "10.0.0.3", Lost: true}}, got); diff != "" || err != nil {
		t.Errorf("%v, wanted (-), got (+):\n%s", err, diff)
	}
	if _, err := pods.Bricks(t.Context(), pools{}, "v"); err == nil {
		t.Error("no error of a volume that no server has")
	}
}
