package servers

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
)

// Brick is a brick of a gluster volume.
type Brick struct {
	Name string // HOST:PATH
	Host string // storage address of its node
	Lost bool   // the server that was asked has no connection to the node
}

// Bricks returns the bricks of a volume, as the first server that has the volume reports them. A server outside the volume's pool
// does not have the volume.
func (p Pods) Bricks(ctx context.Context, runner Runner, volume string) ([]Brick, error) {
	var errs []error
	for _, pod := range slices.Sorted(maps.Values(p)) {
		info, err := runner.Run(ctx, pod, Container, "gluster", "--mode=script", "volume", "info", volume)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		pool, err := runner.Run(ctx, pod, Container, "gluster", "--mode=script", "pool", "list")
		if err != nil {
			return nil, err
		}
		return bricksOf(string(info), string(pool)), nil
	}
	return nil, errors.Join(errs...)
}

var (
	brickLine = regexp.MustCompile(`(?m)^Brick[0-9]+: ((\S+):/\S+)`)
	lostLine  = regexp.MustCompile(`(?m)^\S+\s+(\S+)\s+Disconnected\b`)
)

// bricksOf parses gluster's volume info and pool list.
func bricksOf(info, pool string) (bricks []Brick) {
	lost := map[string]bool{}
	for _, match := range lostLine.FindAllStringSubmatch(pool, -1) {
		lost[match[1]] = true
	}
	for _, match := range brickLine.FindAllStringSubmatch(info, -1) {
		bricks = append(bricks, Brick{Name: match[1], Host: match[2], Lost: lost[match[2]]})
	}
	return bricks
}
