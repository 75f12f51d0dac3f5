// Package gluster embeds the files to install on gluster servers.
package gluster

import _ "embed"

// KeepDirectoriesName is the name of KeepDirectories in /var/lib/glusterd/hooks/1/add-brick/pre.
const KeepDirectoriesName = "S10keep-directories.sh"

// KeepDirectories is a hook of glusterd: it keeps mode and owner of directories when a volume gets its second set of bricks.
//
//go:embed S10keep-directories.sh
var KeepDirectories []byte
