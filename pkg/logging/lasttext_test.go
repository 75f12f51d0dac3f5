package logging

import (
	"errors"
	"testing"
)

func TestLastText(t *testing.T) {
	var last LastText
	for i, step := range []struct {
		err  error
		want bool
	}{{nil, false}, {errors.New("a"), true}, {errors.New("a"), false}, {errors.New("b"), true}, {errors.New("a"), true}, {nil, false}, {errors.New("a"), true}} {
		if got := last.IsNewError(step.err); got != step.want {
			t.Errorf("step %d, %v: %t", i, step.err, got)
		}
	}
}
