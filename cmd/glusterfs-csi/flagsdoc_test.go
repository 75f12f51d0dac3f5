package main

import (
	"flag"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents/flags"
)

var update = flag.Bool("update", false, "write what is generated in docs/ instead of comparing with it")

// TestFlagsAreDocumented: docs/flags.md lists the flags of all commands.
func TestFlagsAreDocumented(t *testing.T) {
	documents.Generated(t, "flags.md", "glusterfs-csi", flags.Of(newRootCommand()), *update)
}
