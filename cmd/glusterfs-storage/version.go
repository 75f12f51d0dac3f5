package main

import "runtime/debug"

// version is set by the release build: -ldflags "-X main.version=v1.2.3". The linker can set only a global.
var version string

// buildVersion is the release's version, or what the Go tool knows of the commit.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
