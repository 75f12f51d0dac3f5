package database

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// busy is a Heketi that goes through a list of states; the last one stays.
type busy struct {
	source
	looks []doing
}

type doing struct {
	operations []heketi.Operation
	unrecorded int
	err        error
}

func (b *busy) Unrecorded(context.Context) (int, error) {
	return b.looks[0].unrecorded, b.looks[0].err
}

func (b *busy) Operations(context.Context) ([]heketi.Operation, error) {
	now := b.looks[0]
	if len(b.looks) > 1 {
		b.looks = b.looks[1:]
	}
	return now.operations, now.err
}

func TestMakeQuietCopy(t *testing.T) {
	create := doing{operations: []heketi.Operation{{ID: "op1", Type: "create-volume"}}}
	stale := doing{operations: []heketi.Operation{{ID: "op2", Type: "create-volume", Status: "stale"}, {ID: "op3", Status: "failed"}}}
	for name, tt := range map[string]struct {
		looks  []doing
		stale  int // number of copies, from the first, that are damaged
		err    error
		after  time.Duration
		copies int
		want   string
	}{
		"nothing":               {looks: []doing{{}}, copies: 1},
		"one that ends":         {looks: []doing{create, create, {}}, copies: 1, after: 4 * time.Second},
		"one that began before": {looks: []doing{{}, create, {}}, copies: 2, after: 2 * time.Second},
		"stale operations":      {looks: []doing{stale}, copies: 1},
		"one without end":       {looks: []doing{create}, after: 5 * time.Minute, want: "take a copy of the database without unfinished volumes: not done within 5m0s: Heketi is running operation op1 (create-volume)"},
		"unrecorded":            {looks: []doing{{unrecorded: 1}}, after: 5 * time.Minute, want: "Heketi has begun an operation"},
		"a damaged copy":        {looks: []doing{{}}, stale: 2, copies: 3, after: 4 * time.Second},
		"a large copy":          {looks: []doing{{}}, err: ErrTooLarge, copies: 1, want: ErrTooLarge.Error()},
		"no Heketi":             {looks: []doing{{err: errors.New("no answer")}}, after: 5 * time.Minute, want: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := &busy{looks: tt.looks}
				from.set("records", nil)
				from.stale, from.err = tt.stale, tt.err
				began := time.Now()
				c, err := MakeQuietCopy(t.Context(), from, fakeHeketi(t), DefaultQuietTiming())
				if time.Since(began) != tt.after || from.copies != tt.copies {
					t.Errorf("after %v, %d copies", time.Since(began), from.copies)
				}
				if tt.want == "" && (err != nil || len(c.Packed) == 0) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || c.Packed != nil) {
					t.Errorf("%v, want %q", err, tt.want)
				}
			})
		})
	}
}
