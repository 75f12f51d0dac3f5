// Package volfile fetches volume files, as a GlusterFS client gets them from glusterd, and checks that they ask for nothing but what
// a client is made of. Whoever answers for a server of a volume writes that file, and a client loads and runs what it names: with
// storage/posix it would serve the node's own disk.
package volfile

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Translators returns patterns of the types of which glusterd makes a client's graph (glusterd-volgen.c, build_client_graph), and of
// those that options of the client add. What servers, glusterd and tests of GlusterFS use is not among them.
func Translators() []string {
	return []string{
		"cluster/*", "performance/*", "protocol/client", "mount/fuse", "meta", "system/posix-acl", "debug/io-stats",
		"features/access-control", "features/cloudsync", "features/gfid-access", "features/namespace", "features/quiesce",
		"features/read-only", "features/shard", "features/snapview-client", "features/utime", "features/worm",
	}
}

// ErrRefused is returned for a volume file with which no client is started.
var ErrRefused = errors.New("the volume file is not one for a client")

// Check returns an ErrRefused for a volume file that asks for more than a client is made of. It is stricter than the client's own
// parser (graph.l), which knows quotes and comments: glusterd writes neither around what is looked at here.
func Check(file string) error {
	words := strings.Fields(file)
	translators := 0
	for i, word := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case strings.Contains(word, "`"): // the parser runs a shell for what is between two (graph.y, preprocess)
			return fmt.Errorf("%w: it has a command in backticks", ErrRefused)
		case word == "type":
			translators++
			if !isClients(next) {
				return fmt.Errorf("%w: it has a translator of type %.100q", ErrRefused, next)
			}
		case word == "transport-type" && !slices.Contains(transports(), next): // part of a library's path (rpc-transport.c)
			return fmt.Errorf("%w: it has a transport of type %.100q", ErrRefused, next)
		}
	}
	if translators == 0 {
		return fmt.Errorf("%w: it has no translator", ErrRefused)
	}
	return nil
}

func transports() []string { return []string{"tcp", "socket", "rdma"} }

func isClients(kind string) bool {
	return slices.ContainsFunc(Translators(), func(pattern string) bool {
		match, err := path.Match(pattern, kind)
		return match && err == nil && !strings.Contains(kind, "..")
	})
}
