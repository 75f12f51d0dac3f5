package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// The fields of a Secret with a backup. Restore reads the Secret SecretName; Slots keep older backups in other Secrets.
const (
	SecretName = "heketi-db-backup" // #nosec G101 -- a name
	dataKey    = "heketi.db.gz"

	annotationTaken     = "glusterfs-storage/taken-at"
	annotationSHA256    = "glusterfs-storage/sha256"
	annotationBootstrap = "glusterfs-storage/bootstrap"
	unfinished          = "unfinished"
	// RestoreAnnotation has the value "replace" if an administrator requests that the backup replace the database once.
	RestoreAnnotation = "glusterfs-storage/restore"
	replace           = "replace"
)

// ErrEmpty is returned when a Secret holds no backup yet.
var ErrEmpty = errors.New("it holds no backup")

// Secrets reads and changes Secrets; *kube.Client implements it.
type Secrets interface {
	Reader
	ChangeSecret(ctx context.Context, namespace, name string, change kube.Secret) error
}

// Store is a Secret for a backup. The chart creates the Secret, so that backups need no permission to create Secrets.
type Store struct {
	Secrets         Secrets
	Namespace, Name string
}

func (s Store) String() string { return "Secret " + s.Namespace + "/" + s.Name }

// Save replaces the backup. It returns an error if an administrator has chosen the present backup to replace a database.
func (s Store) Save(ctx context.Context, c Copy) error {
	secret, err := s.Secrets.Secret(ctx, s.Namespace, s.Name)
	if err != nil {
		return s.explain(err)
	}
	if secret.Annotations[RestoreAnnotation] == replace {
		return fmt.Errorf("%s stays as it is: its annotation %s=%s makes the backup replace the database at the next start of Heketi's pod; delete the pod, or remove the annotation", s, RestoreAnnotation, replace)
	}
	return s.save(ctx, c, secret.Version)
}

func (s Store) save(ctx context.Context, c Copy, version string) error {
	annotations := map[string]string{annotationTaken: c.TakenAt.UTC().Format(time.RFC3339), annotationSHA256: c.SHA256, annotationBootstrap: ""}
	if c.Unfinished {
		annotations[annotationBootstrap] = unfinished
	}
	err := s.Secrets.ChangeSecret(ctx, s.Namespace, s.Name, kube.Secret{Data: map[string][]byte{dataKey: c.Packed}, Annotations: annotations, Version: version})
	return s.explain(err)
}

// Clear removes the backup and leaves the Secret.
func (s Store) Clear(ctx context.Context) error {
	nothing := kube.Secret{Data: map[string][]byte{dataKey: nil}, Annotations: map[string]string{annotationTaken: "", annotationSHA256: "", annotationBootstrap: ""}}
	return s.explain(s.Secrets.ChangeSecret(ctx, s.Namespace, s.Name, nothing))
}

// Load returns the backup, or ErrEmpty. It does not check the backup's content; Unpack does.
func (s Store) Load(ctx context.Context) (Copy, error) {
	c, _, err := s.load(ctx)
	return c, err
}

func (s Store) load(ctx context.Context) (c Copy, version string, err error) {
	return load(ctx, s.Secrets, s.Namespace, s.Name)
}

func load(ctx context.Context, secrets Reader, namespace, name string) (c Copy, version string, err error) {
	s := Store{Namespace: namespace, Name: name} // for messages
	secret, err := secrets.Secret(ctx, namespace, name)
	if err != nil {
		return Copy{}, "", s.explain(err)
	}
	packed := secret.Data[dataKey]
	if len(packed) == 0 {
		return Copy{}, secret.Version, fmt.Errorf("%s: %w", s, ErrEmpty)
	}
	c = Copy{
		Packed: packed, SHA256: secret.Annotations[annotationSHA256],
		Unfinished: secret.Annotations[annotationBootstrap] == unfinished, Replace: secret.Annotations[RestoreAnnotation] == replace,
	}
	if c.TakenAt, err = time.Parse(time.RFC3339, secret.Annotations[annotationTaken]); err != nil {
		c.TakenAt = time.Time{} // counts as the oldest; the backup itself may still be good
	}
	return c, secret.Version, nil
}

// replaced removes the annotation that requested the replacement of a database.
func (s Store) replaced(ctx context.Context) error {
	return s.explain(s.Secrets.ChangeSecret(ctx, s.Namespace, s.Name, kube.Secret{Annotations: map[string]string{RestoreAnnotation: ""}}))
}

func (s Store) explain(err error) error {
	switch {
	case kube.IsNotFound(err):
		return fmt.Errorf("%s is missing; helm upgrade makes it again: %w", s, err)
	case err != nil:
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}
