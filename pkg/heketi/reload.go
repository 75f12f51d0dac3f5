package heketi

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"syscall"

	"k8s.io/klog/v2"
)

// configFile is a configuration that is read again when it has changed.
type configFile struct {
	path   string
	logger klog.Logger
	read   fileState // of the content that is in force
	failed string    // why the present content is not; "" if it is
}

// fileState tells two contents of a file apart without reading them.
type fileState struct {
	device, inode  uint64
	size, modified int64
}

// OpenBackends makes the backends of the configuration file, and follows the file from then on: every look-up finds
// what it says at that time. Operations that run keep the backend that they have begun with. A file that is wrong is
// logged, and leaves everything as it was.
func OpenBackends(logger klog.Logger, path string, timing Timing, options ...Option) (*Backends, error) {
	state, err := stateOf(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config, err := LoadConfig(path)
	if err != nil {
		return nil, err
	}
	backends, err := NewBackends(config, timing, options...)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	backends.file = &configFile{path: path, logger: logger, read: state}
	return backends, nil
}

// reload looks at the file, and at the authorities that it names. A wrong one is read again every time: what is wrong
// may be a key file, and not the configuration itself.
func (bs *Backends) reload() {
	if bs.file == nil {
		return
	}
	state, err := stateOf(bs.file.path)
	if err == nil && state == bs.file.read && !slices.ContainsFunc(bs.all, (*Backend).authorityChanged) {
		bs.file.failed = ""
		return
	}
	var config Config
	if err == nil {
		config, err = LoadConfig(bs.file.path)
	}
	if err == nil {
		err = bs.replace(config)
	}
	if err != nil {
		if bs.file.failed != err.Error() {
			bs.file.failed = err.Error()
			bs.file.logger.Error(err, "The changed configuration cannot be used, the old one stays in force", "path", bs.file.path)
		}
		return
	}
	bs.file.read, bs.file.failed = state, ""
	bs.file.logger.Info("The configuration or a file that it names has changed", "path", bs.file.path, "backends", names(bs.all))
}

// replace makes the configured backends the present ones. Those whose entry and authority are unchanged stay, with their
// connections and their limit of operations.
func (bs *Backends) replace(config Config) error {
	all := make([]*Backend, 0, len(config.Backends))
	for _, c := range config.Backends {
		b := find(bs.all, func(b *Backend) bool { return reflect.DeepEqual(b.config, c) && !b.authorityChanged() })
		if b == nil {
			var err error
			if b, err = newBackend(c, bs.timing, bs.observer); err != nil {
				return err
			}
		}
		all = append(all, b)
	}
	for _, old := range bs.all {
		if find(all, func(b *Backend) bool { return b == old }) == nil {
			old.transport.CloseIdleConnections()
		}
	}
	bs.all = all
	return nil
}

// authorityChanged reports whether caFile is another one than was read, or cannot be looked at.
func (b *Backend) authorityChanged() bool {
	if b.config.CAFile == "" {
		return false
	}
	state, err := stateOf(b.config.CAFile)
	return err != nil || state != b.authority
}

// stateOf follows symbolic links: Kubernetes changes a mounted ConfigMap by exchanging one.
func stateOf(path string) (fileState, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}, err
	}
	state := fileState{size: info.Size(), modified: info.ModTime().UnixNano()}
	if raw, ok := info.Sys().(*syscall.Stat_t); ok {
		state.device, state.inode = raw.Dev, raw.Ino
	}
	return state, nil
}
