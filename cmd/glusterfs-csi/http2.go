//go:build go1.27 && nethttpomithttp2

package main

// From Go 1.27, golang.org/x/net/http2 uses net/http's HTTP/2, so that client-go would lose HTTP/2 with this tag. The name below
// is not defined, so that such a build fails.
var _ = removeTheTagNethttpomithttp2
