package doctor

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

const (
	checkBackup = "storage-backup"
	// oldestCopy is twice the interval of the chart's CronJob.
	oldestCopy = 48 * time.Hour
	// savedWithin is more time than is needed to save a change of the database.
	savedWithin = 10 * time.Minute
)

// backups checks the copies of Heketi's database.
func (s *section) backups(ctx context.Context) {
	first, slots, err := database.Backups(ctx, s.Kubernetes, s.namespace)
	switch {
	case kube.IsNotFound(err):
		s.add(report.Critical, checkBackup, "", "there is no backup of Heketi's database", fmt.Sprint(err))
		return
	case err != nil:
		s.add(report.Warning, checkBackup, "", fmt.Sprintf("the backups of Heketi's database cannot be read: %v", err), permissions)
		return
	}
	newest := newestOf(slots)
	s.firstBackup(first, newest)
	text := "the backup of Heketi's database is as of its last change, " + s.ago(first.TakenAt)
	if newest != nil {
		s.copies(newest)
		text += "; the latest daily copy is from " + s.ago(newest.TakenAt)
	}
	s.ok(checkBackup, 0, text)
}

// firstBackup checks the backup that is saved after each change. Its age means nothing, since the database may not have changed.
// But if a later copy differs, a change was not saved.
func (s *section) firstBackup(first database.Backup, newest *database.Backup) {
	secret, logs := "the Secret "+first.Secret, s.kubectl("logs heketi-0 -c backup --tail=20")
	switch {
	case first.Empty:
		s.add(report.Critical, checkBackup, "", secret+" holds no backup of Heketi's database: if the database is lost, Heketi has no record of its volumes",
			"if the setup's Job runs for the first time, wait for its end. Otherwise the log of the container backup in Heketi's pod says why nothing is saved", logs)
	case first.Replace:
		s.add(report.Warning, checkBackup, "", "changes of Heketi's database are not saved: the backup in "+secret+" is chosen to replace the database",
			"to keep the database, with all that Heketi has changed since the annotation was set, remove the annotation. To start Heketi from the backup, "+
				"without these changes, delete its pod",
			s.kubectl("annotate secret "+first.Secret+" "+database.RestoreAnnotation+"-"), s.kubectl("delete pod heketi-0"))
	case first.Unfinished:
		s.add(report.Warning, checkBackup, "", "the backup of Heketi's database is from the first setup, which has not finished",
			"the log of the setup's Job says what the Job waits for", s.kubectl("logs -l app.kubernetes.io/component=setup --tail=20"))
	case newest != nil && newest.SHA256 != first.SHA256 && newest.TakenAt.Sub(first.TakenAt) > savedWithin && s.Now().Sub(newest.TakenAt) > savedWithin:
		s.add(report.Critical, checkBackup, "", "changes of Heketi's database are not saved: the backup in "+secret+" is from "+s.ago(first.TakenAt)+
			", and the later copy in the Secret "+newest.Secret+" differs", "the log of the container backup in Heketi's pod says why", logs)
	}
}

// copies checks the CronJob's copies. The CronJob also updates the time of an unchanged copy.
func (s *section) copies(newest *database.Backup) {
	severity, message := report.Warning, "the latest daily copy of Heketi's database is from "+s.ago(newest.TakenAt)
	switch {
	case newest.Empty:
		severity, message = report.Info, "there is no daily copy of Heketi's database yet"
	case s.Now().Sub(newest.TakenAt) <= oldestCopy:
		return
	}
	s.add(severity, checkBackup, "", message, "find out why the CronJob heketi-backup makes none. If heketi.backup.schedule is less often than daily, nothing is wrong; if it is off, delete the Secrets "+
		database.SecretName+"-0 and so on", s.kubectl("get cronjob heketi-backup"), s.kubectl("get pods -l app.kubernetes.io/component=backup"))
}

// newestOf returns the newest copy, or the first slot if all slots are empty, or nil if there are no slots.
func newestOf(slots []database.Backup) *database.Backup {
	var newest *database.Backup
	for i := range slots {
		if newest == nil || slots[i].TakenAt.After(newest.TakenAt) {
			newest = &slots[i]
		}
	}
	return newest
}

// ago formats a time for a reader, with its age.
func (s *section) ago(at time.Time) string {
	if at.IsZero() {
		return "an unknown time"
	}
	return at.UTC().Format(time.RFC3339) + " (" + duration.HumanDuration(s.Now().Sub(at)) + " ago)"
}
