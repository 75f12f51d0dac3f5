package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Reader reads Secrets; *kube.Client implements it.
type Reader interface {
	Secret(ctx context.Context, namespace, name string) (kube.Secret, error)
}

// Backup describes the backup in one Secret.
type Backup struct {
	Secret     string // name of the Secret
	Empty      bool
	SHA256     string
	TakenAt    time.Time // zero if unknown
	Unfinished bool      // see Copy
	Replace    bool      // see Copy; until the backup has replaced the database, nothing is saved into the Secret
}

// mostSlots is the largest number of slots that the chart allows.
const mostSlots = 100

// Backups reads the backup from which Restore restores, and the backups in the existing slots.
func Backups(ctx context.Context, secrets Reader, namespace string) (first Backup, slots []Backup, err error) {
	if first, err = readBackup(ctx, secrets, namespace, SecretName); err != nil {
		return Backup{}, nil, err
	}
	for i := range mostSlots {
		b, err := readBackup(ctx, secrets, namespace, slotName(SecretName, i))
		switch {
		case kube.IsNotFound(err):
			return first, slots, nil
		case err != nil:
			return first, slots, err
		}
		slots = append(slots, b)
	}
	return first, slots, nil
}

func readBackup(ctx context.Context, secrets Reader, namespace, name string) (Backup, error) {
	c, _, err := load(ctx, secrets, namespace, name)
	if errors.Is(err, ErrEmpty) {
		return Backup{Secret: name, Empty: true}, nil
	}
	return Backup{Secret: name, SHA256: c.SHA256, TakenAt: c.TakenAt, Unfinished: c.Unfinished, Replace: c.Replace}, err
}

func slotName(name string, i int) string { return fmt.Sprintf("%s-%d", name, i) }
