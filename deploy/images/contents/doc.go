// Package contents tests the contents of the storage images, which must have been built before: make test-storage-images.
package contents
