package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// endLimit is a time of its own: whatever the lab was for may have used up its own, or have been interrupted.
const endLimit = 2 * time.Minute

// End brings down the lab of a directory and makes sure that nothing of it is left, for whoever started it for a purpose.
func End(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	if err := Down(ctx, dir); err != nil {
		return fmt.Errorf("end the lab: %w", err)
	}
	left, err := Leftovers(dir)
	if err == nil && len(left) > 0 {
		err = errors.New("the lab left behind:\n" + strings.Join(left, "\n"))
	}
	return err
}
