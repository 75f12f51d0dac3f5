package heketi

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"syscall"

	"k8s.io/klog/v2"
)

// configFile is a configuration file that is read again when it has changed.
type configFile struct {
	path   string
	logger klog.Logger
	read   fileState // state of the content in use
	failed string    // last logged error about the present content, or about a file that it names; "": none
}

// fileState holds properties that change with a file's content, so that a change is noticed without reading the file.
type fileState struct {
	device, inode  uint64
	size, modified int64
}

// OpenBackends makes the backends of the configuration file. All, Select and ByName then use the present content of the file.
// Running operations keep the backend with which they began. If the file later becomes invalid, the error is logged and the old
// configuration stays in force. A key file or CA file that cannot be read is only logged.
func OpenBackends(logger klog.Logger, path string, timing Timing, settings ...Setting) (*Backends, error) {
	state, err := stateOf(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config, err := LoadConfig(path)
	if err != nil {
		return nil, err
	}
	backends, err := NewBackends(config, timing, settings...)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	backends.file = &configFile{path: path, logger: logger, read: state}
	backends.file.report(backends.fileErrors())
	return backends, nil
}

// report logs a problem when it begins or changes. A nil problem means that it has ended.
func (f *configFile) report(problem error) {
	text := ""
	if problem != nil {
		text = problem.Error()
	}
	if text != f.failed && problem != nil {
		f.logger.Error(problem, "The configuration, or a file that it names, cannot be used", "path", f.path)
	}
	f.failed = text
}

// reload reads the configuration file and the CA files again if one of them has changed. A file that cannot be used is read again
// at every call. The caller must hold bs.mu.
func (bs *Backends) reload() {
	if bs.file == nil {
		return
	}
	state, err := stateOf(bs.file.path)
	if state == bs.file.read && !slices.ContainsFunc(bs.all, (*Backend).authorityChanged) {
		bs.file.failed = ""
		return
	}
	changed := state != bs.file.read
	var config Config
	if err == nil {
		config, err = LoadConfig(bs.file.path)
	}
	if err != nil {
		bs.file.report(fmt.Errorf("the old configuration stays in force: %w", err))
		return
	}
	reread, err := bs.replace(config)
	bs.file.read = state
	bs.file.report(errors.Join(err, bs.fileErrors()))
	if changed || reread {
		bs.file.logger.Info("The configuration or a file that it names has changed", "path", bs.file.path, "backends", names(bs.all))
	}
}

// replace installs the configured backends. A backend whose entry and CA file are unchanged stays, with its connections and its
// operation slots. A backend whose new CA file cannot be read stays too, and err gives the reason. reread reports whether a
// changed CA file was read.
func (bs *Backends) replace(config Config) (reread bool, err error) {
	all := make([]*Backend, 0, len(config.Backends))
	for _, c := range config.Backends {
		old := find(bs.all, func(b *Backend) bool { return reflect.DeepEqual(b.config, c) })
		if old != nil && !old.authorityChanged() {
			all = append(all, old)
			continue
		}
		b := newBackend(c, bs.timing, bs.observer)
		bs.observer.Configured(c.Name)
		switch {
		case old != nil && old.authorityErr == nil && b.authorityErr != nil:
			err = errors.Join(err, fmt.Errorf("backend %q: the old caFile stays in force: %w", c.Name, b.authorityErr))
			b = old
		case old != nil && b.authorityErr == nil:
			reread = true
		}
		all = append(all, b)
	}
	for _, old := range bs.all {
		if find(all, func(b *Backend) bool { return b == old }) == nil {
			old.transport.CloseIdleConnections()
		}
	}
	bs.all = all
	return reread, err
}

// fileErrors returns why key files and CA files of the backends cannot be read, or nil.
func (bs *Backends) fileErrors() error {
	var errs []error
	for _, b := range bs.all {
		errs = append(errs, b.FileErrors()...)
	}
	return errors.Join(errs...)
}

// authorityChanged reports whether caFile has changed since it was read, or could not be read.
func (b *Backend) authorityChanged() bool {
	if b.config.CAFile == "" {
		return false
	}
	if b.authorityErr != nil {
		return true
	}
	state, _ := stateOf(b.config.CAFile) // zero if there is none
	return state != b.authority
}

// stateOf follows symbolic links: Kubernetes changes a mounted ConfigMap by replacing a link.
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
