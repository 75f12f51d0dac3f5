package heketi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
)

// DatabaseCopy writes a consistent copy of Heketi's database file to w. It writes nothing of an answer that is not a database. If
// it fails for another reason, w may have a part of the copy.
func (c *Client) DatabaseCopy(ctx context.Context, w io.Writer) error {
	const path = "/backup/db"
	client, err := c.api(ctx, func(body io.Reader) error {
		begin := make([]byte, boltHeader)
		if _, err := io.ReadFull(body, begin); err != nil || !IsDatabase(begin) {
			return errNoDatabase
		}
		n, err := io.Copy(w, io.LimitReader(io.MultiReader(bytes.NewReader(begin), body), largestDatabase+1))
		if err == nil && n > largestDatabase {
			return errTooLarge("the database", largestDatabase)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := client.BackupDb(io.Discard); err != nil { // the performer has read the body
		return c.typed(err, http.MethodGet, path)
	}
	return nil
}

// largestDatabase is far above any real size of Heketi's database, which is a few KiB for each volume.
const largestDatabase = 1 << 30

// A bolt file begins with a page header of 16 bytes and the magic number, in the machine's byte order.
const (
	boltHeader = 20
	boltMagic  = 0xED0CDAED
)

// IsDatabase reports whether a file with this beginning may be a database of Heketi.
func IsDatabase(begin []byte) bool {
	return len(begin) >= boltHeader && binary.NativeEndian.Uint32(begin[boltHeader-4:]) == boltMagic
}

var errNoDatabase = errors.New("the answer is not a database of Heketi")
