package storagetest

import (
	"context"
	"maps"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Secret is a cluster's only Secret.
type Secret struct {
	Namespace, Name string

	mu      sync.Mutex
	content kube.Secret
}

// Content returns the Secret's content.
func (s *Secret) Content() kube.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.content
}

// Secret implements database.Secrets.
func (s *Secret) Secret(_ context.Context, namespace, name string) (kube.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if namespace != s.Namespace || name != s.Name {
		return kube.Secret{}, notFound(name)
	}
	return s.content, nil
}

// ChangeSecret implements database.Secrets.
func (s *Secret) ChangeSecret(_ context.Context, namespace, name string, change kube.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if namespace != s.Namespace || name != s.Name {
		return notFound(name)
	}
	data, annotations := map[string][]byte{}, map[string]string{}
	maps.Copy(data, s.content.Data)
	maps.Copy(data, change.Data)
	maps.DeleteFunc(data, func(_ string, content []byte) bool { return content == nil })
	maps.Copy(annotations, s.content.Annotations)
	maps.Copy(annotations, change.Annotations)
	maps.DeleteFunc(annotations, func(_, text string) bool { return text == "" })
	version, _ := strconv.Atoi(s.content.Version)
	s.content = kube.Secret{Data: data, Annotations: annotations, Version: strconv.Itoa(version + 1)}
	return nil
}

func notFound(name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}
