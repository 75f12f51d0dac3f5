package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	modulePath    = "github.com/glusterfs-csi/glusterfs-csi"
	heketiVersion = "v10.3.0"
)

// HeketiBinaries are the paths of a built Heketi.
type HeketiBinaries struct {
	Server, CLI string
}

// moduleRoot finds this module's directory. It searches upwards, first from the working directory and then from the directory of
// the running program.
func moduleRoot() (string, error) {
	starts := make([]string, 0, 2)
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for ; dir != "/"; dir = filepath.Dir(dir) {
			data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && strings.HasPrefix(string(data), "module "+modulePath+"\n") {
				return dir, nil
			}
		}
	}
	return "", errors.New("module " + modulePath + " not found: run this below its directory, or name a lab directory")
}

// BuildHeketi builds the Heketi server and its command line client into build/bin, unless they exist.
func BuildHeketi(ctx context.Context, out io.Writer) (HeketiBinaries, error) {
	root, err := moduleRoot()
	if err != nil {
		return HeketiBinaries{}, err
	}
	source, bin := filepath.Join(root, "deploy/heketi"), filepath.Join(root, "build/bin")
	binaries := HeketiBinaries{Server: filepath.Join(bin, "heketi"), CLI: filepath.Join(bin, "heketi-cli")}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return HeketiBinaries{}, err
	}
	// Tests of several packages may run at the same time.
	unlock, err := lockFile(filepath.Join(bin, "heketi.lock"), 0)
	if err != nil {
		return HeketiBinaries{}, err
	}
	defer unlock()
	sum, err := sumOf(filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum"))
	if err != nil {
		return HeketiBinaries{}, err
	}
	stamp := filepath.Join(bin, "heketi.built-from")
	built, err := os.ReadFile(stamp)
	if err == nil && string(built) == sum && exist(binaries.Server, binaries.CLI) {
		return binaries, nil
	}
	fmt.Fprintf(out, "lab: building Heketi %s; the first time this takes one to three minutes\n", heketiVersion)
	if err := goBuild(ctx, source, binaries.Server, "main.HEKETI_VERSION="+heketiVersion,
		"github.com/heketi/heketi"); err != nil {
		return HeketiBinaries{}, err
	}
	if err := goBuild(ctx, source, binaries.CLI, "main.HEKETI_CLI_VERSION="+heketiVersion,
		"github.com/heketi/heketi/client/cli/go"); err != nil {
		return HeketiBinaries{}, err
	}
	return binaries, os.WriteFile(stamp, []byte(sum), 0o644)
}

func buildLabctl(ctx context.Context) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, "build/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(filepath.Join(bin, "labctl.lock"), 0)
	if err != nil {
		return "", err
	}
	defer unlock()
	path := filepath.Join(bin, "labctl")
	return path, goBuild(ctx, root, path, "", "./test/lab/labctl")
}

// goBuild builds beside the target and renames the result, so that neither a running program nor an interrupted build causes
// harm.
func goBuild(ctx context.Context, dir, target, variable, pkg string) error {
	args := []string{"build", "-buildvcs=false", "-o", target + ".new"}
	if variable != "" {
		args = append(args, "-ldflags", "-X "+variable)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s in %s: %w\n%s", pkg, dir, err, out)
	}
	return os.Rename(target+".new", target)
}

func sumOf(files ...string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version())
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		_, _ = hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func exist(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}
