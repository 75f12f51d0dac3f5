package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ClientFiles returns the path of a link in the lab directory to a root directory with other files for the client machines, if
// they have one.
func (l Layout) ClientFiles() string { return l.Path("client-files") }

// coverPrograms mounts the /usr of the lab's ClientFiles over that of a client machine. The host's programs also work with newer
// libraries.
func coverPrograms(layout Layout, name string) error {
	root, err := os.Readlink(layout.ClientFiles())
	if os.IsNotExist(err) || !strings.HasPrefix(name, "node") {
		return nil
	}
	if err != nil {
		return err
	}
	usr := filepath.Join(root, "usr")
	if err := syscall.Mount("overlay", "/usr", "overlay", syscall.MS_RDONLY, "lowerdir="+usr+":/usr"); err != nil {
		return fmt.Errorf("%s over /usr: %w", usr, err)
	}
	return nil
}
