package volfile

import "strings"

// Bricks returns the bricks that a client with this volume file connects to, each as host:/path.
func Bricks(file string) []string {
	var bricks []string
	kind, options := "", map[string]string{} // of the current translator
	for line := range strings.Lines(file) {
		words := strings.Fields(line)
		switch len(words) {
		case 1:
			host, path := options["remote-host"], options["remote-subvolume"]
			if words[0] == "end-volume" && kind == "protocol/client" && host != "" && path != "" {
				bricks = append(bricks, host+":"+path)
			}
		case 2:
			switch words[0] {
			case "volume":
				kind, options = "", map[string]string{}
			case "type":
				kind = words[1]
			}
		case 3:
			if words[0] == "option" {
				options[words[1]] = words[2]
			}
		}
	}
	return bricks
}
