// Package database backs up Heketi's database into Secrets, and restores a backup onto a volume that has no database. If an
// administrator has set RestoreAnnotation, it also replaces an existing database, and keeps that one beside the new one. The
// database is the only record of Heketi's volumes: without it, the volumes still exist but cannot be managed.
//
// Saver.Save backs up the database into one Secret. Watch calls a function such as Saver.Save after each change of the database.
// Slots.Save keeps several older backups, each in its own Secret; MakeQuietCopy makes the copies for it. AwaitUnlocked and then
// Restore must end before Heketi starts. The Secrets must exist already; see Store.
package database
