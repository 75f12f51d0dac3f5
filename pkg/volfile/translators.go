// Package volfile fetches volume files from glusterd, as a GlusterFS client does, and checks that they contain only what a client
// needs. An attacker who controls a server of a volume controls its volume file, and a client loads and runs the translators in
// that file: with storage/posix it would serve the node's own disk. Fetching does not include the check: the caller must call
// Check before it starts a client with the file. FromServer waits at most 3 seconds; Fetch waits until ctx ends. Both return
// ErrNoAnswer if there is no readable volume file, and Check returns ErrRefused.
package volfile

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Translators returns patterns of the translator types that a client's graph may contain: those that glusterd writes
// (glusterd-volgen.c, build_client_graph), and those that options of the client add. Translators of servers, of glusterd and of
// GlusterFS's tests are not included.
func Translators() []string {
	return []string{
		"cluster/*", "performance/*", "protocol/client", "mount/fuse", "meta", "system/posix-acl", "debug/io-stats",
		"features/access-control", "features/cloudsync", "features/gfid-access", "features/namespace", "features/quiesce",
		"features/read-only", "features/shard", "features/snapview-client", "features/utime", "features/worm",
	}
}

// ErrRefused is returned for a volume file with which no client may be started.
var ErrRefused = errors.New("the volume file is not for a client")

// Check returns ErrRefused for a volume file that contains more than a client needs. It is stricter than the client's own parser
// (graph.l): it does not support quotes and comments, because glusterd writes neither around the words that Check reads.
func Check(file string) error {
	words := strings.Fields(file)
	translators := 0
	for i, word := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case strings.Contains(word, "`"): // the parser runs the text between two backticks as a shell command (graph.y, preprocess)
			return fmt.Errorf("%w: it has a command in backticks", ErrRefused)
		case word == "type":
			translators++
			if !isClients(next) {
				return fmt.Errorf("%w: it has a translator of type %.100q", ErrRefused, next)
			}
		case word == "transport-type" && !slices.Contains(transports(), next): // becomes part of a library's path (rpc-transport.c)
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
