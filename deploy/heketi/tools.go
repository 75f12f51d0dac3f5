//go:build tools

// Package tools pins the Heketi server and its command line client, which the lab and Heketi's image are built from. They have a
// separate module because Heketi needs libraries of 2020 that must not meet those of the driver.
package tools

import (
	_ "github.com/heketi/heketi"
	_ "github.com/heketi/heketi/client/cli/go"
)
