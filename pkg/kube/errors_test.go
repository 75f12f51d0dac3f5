package kube

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// TestNoAnswer: a connection that is lost before or during the answer is told from an API server that refuses, and from one with
// another certificate.
func TestNoAnswer(t *testing.T) {
	abort := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	inTheBody := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"kind":`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	refuse := func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnprocessableEntity) }
	for _, http2 := range []bool{false, true} {
		for _, tc := range []struct {
			name   string
			answer func(http.ResponseWriter)
			noCA   bool
			want   bool
		}{
			{"before the answer", abort, false, true}, {"in the body", inTheBody, false, true}, {"refused", refuse, false, false}, {"another's certificate", refuse, true, false},
		} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if http2 != (r.ProtoMajor == 2) {
					t.Errorf("the request came with %s", r.Proto)
				}
				tc.answer(w)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			config := &rest.Config{Host: server.URL}
			if !tc.noCA {
				config.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			}
			client, err := newClient(config)
			if err != nil {
				t.Fatal(err)
			}
			object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": "a"}}}
			err = client.Create(t.Context(), Resource{Name: "persistentvolumes"}, object)
			if err == nil || errors.Is(err, ErrNoAnswer) != tc.want {
				t.Errorf("HTTP/2 %t, %s: %v", http2, tc.name, err)
			}
			server.Close()
		}
	}
}

// TestForbidden: only a refusal of the authorizer is answered with the permission that is needed.
func TestForbidden(t *testing.T) {
	c := &Client{host: "https://api:6443"}
	for text, permission := range map[string]bool{
		`User "u" cannot create resource "services" in API group "" in the namespace "shop"`:                    true,
		"exceeded quota: q, requested: services=1, used: services=5, limited: services=5":                       false,
		"unable to create new content in namespace shop because it is being terminated":                         false,
		`admission webhook "policy.example.org" denied the request: users cannot create Services in this place`: false,
	} {
		err := c.explain(apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "web", errors.New(text)), "create services")
		if strings.Contains(err.Error(), "must allow: create services") != permission || !strings.Contains(err.Error(), text) || !apierrors.IsForbidden(err) {
			t.Errorf("got %v", err)
		}
	}
}
