// Package database backs up Heketi's database into Secrets, and restores a backup onto a volume that has no database. The
// database is the only record of Heketi's volumes: without it, the volumes still exist but cannot be managed.
package database
