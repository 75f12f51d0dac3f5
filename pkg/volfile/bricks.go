package volfile

import "strings"

// Bricks returns the bricks that a client with this volume file connects to, each as host:/path.
func Bricks(file string) []string {
	var bricks []string
	var kind, host, path string // of the translator whose lines these are
	for line := range strings.Lines(file) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "volume":
			kind, host, path = "", "", ""
		case len(words) == 2 && words[0] == "type":
			kind = words[1]
		case len(words) == 3 && words[0] == "option" && words[1] == "remote-host":
			host = words[2]
		case len(words) == 3 && words[0] == "option" && words[1] == "remote-subvolume":
			path = words[2]
		case len(words) == 1 && words[0] == "end-volume" && kind == "protocol/client" && host != "" && path != "":
			bricks = append(bricks, host+":"+path)
		}
	}
	return bricks
}
