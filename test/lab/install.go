package lab

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

//go:embed install.sh
var installScript string

// Install installs the missing Debian packages that the lab needs. The argument "kubernetes" adds those of package kubernetes.
func Install(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "bash", append([]string{"-s", "--"}, args...)...)
	cmd.Stdin = strings.NewReader(installScript)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("install packages: %w", err)
	}
	return nil
}
