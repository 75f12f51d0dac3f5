package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

const (
	checkBackup = "storage-backup"
	// oldestCopy is twice the time between two copies of the chart's CronJob.
	oldestCopy = 48 * time.Hour
	// savedWithin is more than it takes to save a change of the database.
	savedWithin = 10 * time.Minute
)

// backups looks at the copies of Heketi's database.
func (s *installation) backups(ctx context.Context) []report.Finding {
	first, slots, err := database.Backups(ctx, s.Kubernetes, s.namespace)
	if kube.IsNotFound(err) {
		return []report.Finding{s.finding(report.Critical, checkBackup, fmt.Sprintf("there is no backup of Heketi's database: %v", err), "run helm upgrade with the values of the release")}
	}
	if err != nil {
		return []report.Finding{s.finding(report.Warning, checkBackup, fmt.Sprintf("the backups of Heketi's database cannot be read: %v", err), permissions)}
	}
	newest := newestOf(slots)
	findings := s.firstBackup(first, newest)
	if f := s.copies(slots, newest); f != nil {
		findings = append(findings, *f)
	}
	if len(findings) > 0 {
		return findings
	}
	text := "the backup of Heketi's database is of " + s.ago(first.TakenAt) + ", its last change"
	if len(slots) > 0 {
		text += "; the last of the daily copies is of " + s.ago(newest.TakenAt)
	}
	return []report.Finding{s.finding(report.OK, checkBackup, text, "")}
}

// firstBackup judges the one that is saved after each change, whose age says nothing: the database may not have changed. But if a
// later copy differs, a change was not saved.
func (s *installation) firstBackup(first database.Backup, newest *database.Backup) []report.Finding {
	logs := s.kubectl("logs heketi-0 -c backup --tail=20")
	behind := newest != nil && newest.SHA256 != first.SHA256 && newest.TakenAt.Sub(first.TakenAt) > savedWithin && s.Now().Sub(newest.TakenAt) > savedWithin
	switch {
	case first.Empty:
		return []report.Finding{s.finding(report.Critical, checkBackup, "the Secret "+first.Secret+" holds no backup of Heketi's database: if the database is lost, Heketi cannot start with its volumes",
			"while the setup's Job runs for the first time, wait for it. Otherwise the log of the container backup in Heketi's pod says why none is saved", logs)}
	case first.Replace:
		return []report.Finding{s.finding(report.Warning, checkBackup, "no change of Heketi's database is saved: the backup in the Secret "+first.Secret+" is chosen to replace the database",
			"delete Heketi's pod, which then starts with the backup; or, to keep the database, remove the annotation",
			s.kubectl("delete pod heketi-0"), s.kubectl("annotate secret %s %s-", first.Secret, database.RestoreAnnotation))}
	case first.Unfinished:
		return []report.Finding{s.finding(report.Warning, checkBackup, "the backup of Heketi's database is from the first setup, which has not ended",
			"wait for the setup's Job; its log says what it waits for", s.kubectl("logs -l app.kubernetes.io/component=setup --tail=20"))}
	case behind:
		return []report.Finding{s.finding(report.Critical, checkBackup, fmt.Sprintf("changes of Heketi's database are not saved: the backup in the Secret %s is of %s, and the copy in %s of %s differs",
			first.Secret, s.ago(first.TakenAt), newest.Secret, s.ago(newest.TakenAt)), "the log of the container backup in Heketi's pod says why", logs)}
	}
	return nil
}

// copies judges those of the CronJob, which also renews the time of one that has not changed.
func (s *installation) copies(slots []database.Backup, newest *database.Backup) *report.Finding {
	if len(slots) == 0 {
		return nil // heketi.backup.schedule is off
	}
	message := "the last of the daily copies of Heketi's database is of " + s.ago(newest.TakenAt)
	switch {
	case newest.Empty:
		message = "no daily copy of Heketi's database was made yet"
	case s.Now().Sub(newest.TakenAt) <= oldestCopy:
		return nil
	}
	severity := report.Warning
	if newest.Empty {
		severity = report.Info
	}
	f := s.finding(severity, checkBackup, message, "look why the CronJob heketi-backup makes none. If heketi.backup.schedule is rarer than daily, nothing is wrong; if you have turned it off, "+
		"delete the Secrets "+database.SecretName+"-0 and so on", s.kubectl("get cronjob heketi-backup"), s.kubectl("get pods -l app.kubernetes.io/component=backup"))
	return &f
}

// newestOf returns the newest copy, or the first slot if all are empty; nil if there are none.
func newestOf(slots []database.Backup) *database.Backup {
	var newest *database.Backup
	for i := range slots {
		if newest == nil || slots[i].TakenAt.After(newest.TakenAt) {
			newest = &slots[i]
		}
	}
	return newest
}

// ago returns a time for people.
func (s *installation) ago(at time.Time) string {
	if at.IsZero() {
		return "an unknown time"
	}
	return fmt.Sprintf("%s (%s ago)", at.UTC().Format(time.RFC3339), s.Now().Sub(at).Truncate(time.Minute))
}
