//go:build go1.27 && nethttpomithttp2

package main

// From Go 1.27, golang.org/x/net/http2 uses net/http's HTTP/2, so that client-go would lose HTTP/2 with this tag. This name, which is
// not defined, ends such a build.
var _ = removeTheTagNethttpomithttp2
