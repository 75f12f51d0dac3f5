// Package contents tests what is in the images of the storage, which must have been built before: make test-storage-images.
package contents
