package servers

import (
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
