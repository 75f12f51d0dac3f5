package fuseclient

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// lastWords is how long to wait for the last log lines of a failed client. A client that ends writes them within 20 ms or so.
const lastWords = 250 * time.Millisecond

// explain turns a client's failure into an error that states the cause found in the client's log.
func (m *Manager) explain(r record, servers []string, failure error, c child) error {
	logPath := m.logPath(r.Source.VolumeID)
	kind := mount.ErrUnavailable
	words, asked := cause(tail(logPath))
	if c.refused != nil { // the log has at most the number of the error
		words, asked = "the node plugin cannot make the client's mount: "+plain.Line(c.refused.Error(), longestReason)+"; /dev/fuse and a privileged container are needed", false
	}
	switch {
	case errors.Is(failure, mount.ErrTimeout):
		kind = mount.ErrTimeout
		if words == "" {
			words = "the servers can be reached, but the volume did not answer in time"
		}
	case words == "":
		select {
		case <-c.exited:
		case <-time.After(lastWords):
		}
		if words, asked = cause(tail(logPath)); words == "" {
			words = fmt.Sprintf("the GlusterFS client failed: %v%s; its log ends with: %s", failure, c.exit(), lastLine(tail(logPath)))
		}
	}
	err := fmt.Errorf("%w: mount GlusterFS volume %q from %s: %s (log: %s)", kind, r.Source.Volume, strings.Join(servers, ","), words, logPath)
	if errors.Is(failure, errMute) {
		return fmt.Errorf("%w (%w)", err, errMute)
	}
	if asked {
		return mount.Conceal(err, m.cfg.Servers.of(r.Source), r.Source.Options.Port()) // not servers, whose order would show which one answered
	}
	return err
}

// explanation holds the words for a line in the log of glusterfs 10.
type explanation struct {
	pattern *regexp.Regexp
	words   string // $1 is the pattern's first group
}

// Explanations that several lines share. brokenOff: the server closes connections before it has answered a request.
const (
	tlsFailed = `TLS failed: certificates and the secure-access marker on this node must match the servers'`
	brokenOff = `the server accepts connections but closes them; is TLS (the secure-access marker) enabled on only one side?`
)

// explanations are sorted by rank: a cause stands before the consequences that appear in the same log.
func explanations() []explanation {
	list := [][2]string{
		{`unrecognized option '([^']*)'`, `this glusterfs does not know the option $1`},
		{`type '([^']*)' is not valid or not found on this machine`, `the server's volume file names the translator $1, which a client does not have`},
		{`DNS resolution failed on host (\S+)`, `DNS resolution failed for server $1`},
		{`(?i)error:[0-9A-F]+:(SSL|.*certificate)`, tlsFailed}, // from OpenSSL
		{`(?i)SSL connect error|SSL support .* is NOT enabled|failed to open .*\.pem|could not load our cert`, tlsFailed},
		{`(?i)SETVOLUME on remote-host failed.*remote-error=([^}]*)\}`, `a brick refused this client: $1 (look at the volume's auth.allow, auth.reject, auth.ssl-allow)`},
		{`Server authentication failed`, `the bricks refused this client: look at the volume's auth.allow, auth.reject, auth.ssl-allow`},
		{`cannot open /dev/fuse \(([^)]*)\)`, `cannot open /dev/fuse: $1; the fuse module and a privileged container are needed`},
		{`0-glusterfs-fuse: mount of \S+ to \S+ \(([^)]*)\) failed`, `the kernel refused the mount ($1); /dev/fuse and a privileged container are needed`},
		// The request for the volume file was never answered; the client then logs the same failure as for a volume that does not
		// exist.
		{`forced unwinding frame type\(GlusterFS Handshake\) op\(GETSPEC`, brokenOff},
		{`failed to fetch volume file \(key:/?([^)]*)\)`, `volume file not found on server: no such volume "$1"`},
		{`failed to get the port number for remote subvolume`, `the volume is not started, or its bricks are down (see gluster volume status)`},
		{`first lookup on root failed \(Transport endpoint is not connected\)`, `no brick of the volume can be reached: it is not started, its bricks are down, or their ports are blocked for this node`},
		{`first lookup on root failed \(([^)]*)\)`, `the volume's root directory cannot be read: $1`},
		{`connection to (\S+) failed \(([^)]*)\); disconnecting`, `server $1 accepts connections but closes them ($2); is TLS (the secure-access marker) enabled on only one side?`},
		// No process sent signal 1: the client lost its last server before it had the volume file, and logs nothing else about
		// that.
		{`received signum \(1\), shutting down`, brokenOff},
	}
	out := make([]explanation, len(list))
	for i, e := range list {
		out[i] = explanation{regexp.MustCompile(e[0]), e[1]}
	}
	return out
}

// longestReason is how much of a log an error quotes, in bytes. Servers can write into the log: names, and the text of their
// refusals.
const longestReason = 300

// reason returns the cause found in a log, or "".
func reason(lines []string) string {
	words, _ := cause(lines)
	return words
}

// cause is like reason. The result asked is true if the cause is about a server that was asked for the volume file and did not
// give it. Such a server may be any address that the author of the PersistentVolume chose; addresses of bricks come from the
// volume file.
func cause(lines []string) (words string, asked bool) {
	for _, e := range explanations() {
		for _, line := range lines {
			if m := e.pattern.FindStringSubmatchIndex(line); m != nil {
				words := plain.Line(string(e.pattern.ExpandString(nil, e.words, line, m)), longestReason)
				return words, e.ofConnections() && !ofBrick.MatchString(line)
			}
		}
	}
	return "", false
}

// ofBrick matches the translator that a log line names if it is about the connection to a brick.
var ofBrick = regexp.MustCompile(`-client-[0-9]+:`)

// ofConnections reports whether the explanation reveals what listens at an address.
func (e explanation) ofConnections() bool {
	return e.words == brokenOff || e.words == tlsFailed || strings.Contains(e.words, "server $1")
}

// ofTheEnd matches the lines that a client logs whenever it ends. Its unmount always fails, because clients must not unmount
// (package placement).
var ofTheEnd = regexp.MustCompile(`cleanup_and_exit|0-glusterfs-fuse: fuse: failed to unmount `)

// lastLine returns the last warning or error in a log that may be a reason, without the client's prefix.
func lastLine(lines []string) string {
	decorated := regexp.MustCompile(`^\[[^\]]*\] ([A-Z]) (?:\[[^\]]*\] )*(.*)$`)
	for i, line := range slices.Backward(lines) {
		m := decorated.FindStringSubmatch(line)
		switch {
		case m == nil && i == 0:
			return plain.Line(line, longestReason) // written before the log was open
		case m != nil && slices.Contains([]string{"C", "E", "W"}, m[1]) && !ofTheEnd.MatchString(line):
			return plain.Line(m[2], longestReason)
		}
	}
	return ""
}
