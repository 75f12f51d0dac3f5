// Package database backs up Heketi's database into Secrets, and restores a backup onto a volume that has no database. The
// database is the only record of Heketi's volumes: without it, the volumes still exist but cannot be managed. Watch calls a save
// function, such as Saver.Save, after each change of the database; Slots.Save keeps older backups. Restore runs before Heketi
// starts. The Secrets must exist.
package database
