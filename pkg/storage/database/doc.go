// Package database backs up Heketi's database into Secrets, and puts a backup on a volume that has no database. The
// database is all that Heketi has: without it, the volumes are there and nothing can be done with them.
package database
