package outside

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Brick is a directory on a storage machine that holds a part of a volume.
type Brick struct {
	Machine *lab.Machine
	Dir     string
}

// BrickAt parses "host:/directory", gluster's notation.
func BrickAt(l *lab.Lab, text string) (Brick, error) {
	host, dir, _ := strings.Cut(text, ":")
	for i := 1; i <= lab.StorageNodes; i++ {
		if m := l.Storage(i); m.IP == host || m.Name == host {
			return Brick{Machine: m, Dir: dir}, nil
		}
	}
	return Brick{}, fmt.Errorf("brick %q is on no storage machine of the lab", text)
}

// BrickPaths returns the directories of a volume's bricks on the host. Bricks of machines that are off are left out.
func BrickPaths(ctx context.Context, l *lab.Lab, v GlusterVolume) ([]string, error) {
	var paths []string
	for _, text := range v.Bricks {
		brick, err := BrickAt(l, text)
		if err != nil {
			return nil, err
		}
		if pid, err := brick.Machine.Pid(ctx); err == nil {
			paths = append(paths, fmt.Sprintf("/proc/%d/root%s", pid, brick.Dir))
		}
	}
	return paths, nil
}

// OnBricks returns the content of a file on each brick that has it.
func OnBricks(ctx context.Context, l *lab.Lab, v GlusterVolume, file string) ([]string, error) {
	bricks, err := BrickPaths(ctx, l, v)
	var found []string
	for _, brick := range bricks {
		if data, err := os.ReadFile(filepath.Join(brick, file)); err == nil {
			found = append(found, string(data))
		}
	}
	return found, err
}

// Left lists what remains of a volume in Heketi, in gluster and in the bricks' directories on the host.
func Left(ctx context.Context, l *lab.Lab, name string, bricks []string) ([]string, error) {
	var left []string
	inHeketi, err := InHeketi(ctx, l.Heketi(), name)
	for _, v := range inHeketi {
		left = append(left, fmt.Sprintf("Heketi still has %+v", v))
	}
	inGluster, glusterErr := InGluster(ctx, l, name)
	for _, v := range inGluster {
		left = append(left, fmt.Sprintf("gluster still has %+v", v))
	}
	for _, brick := range bricks {
		if _, err := os.Stat(brick); !errors.Is(err, fs.ErrNotExist) {
			left = append(left, fmt.Sprintf("brick %s is still there (%v)", brick, err))
		}
	}
	return left, errors.Join(err, glusterErr)
}
