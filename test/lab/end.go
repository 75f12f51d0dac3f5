package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// endLimit is a separate limit: the caller's context may have expired or been cancelled.
const endLimit = 2 * time.Minute

// End brings down the lab of a directory and checks that nothing remains. It is for programs that started a lab for one purpose.
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
