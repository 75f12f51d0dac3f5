//go:build go1.27 && nethttpomithttp2

package main

// From Go 1.27, golang.org/x/net/http2 uses net/http's HTTP/2, which this tag removes: client-go would lose HTTP/2. The name below
// is not defined, and a build with the tag fails.
var _ = removeTheTagNethttpomithttp2
