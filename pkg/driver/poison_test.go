package driver

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// everyRequest returns a request for each method of the services. Requests whose fields the driver checks are valid, so that the
// checks do not refuse them.
func everyRequest(t *testing.T) map[string]proto.Message {
	t.Helper()
	requests := map[string]proto.Message{}
	for _, service := range []grpc.ServiceDesc{csi.Identity_ServiceDesc, csi.Controller_ServiceDesc, csi.Node_ServiceDesc} {
		for _, method := range service.Methods {
			name := "/" + service.ServiceName + "/" + method.MethodName
			requests[name] = newMessage(t, descriptorOf(t, name).Input())
		}
	}
	static := map[string]string{"volume": "data", "servers": "a"}
	maps.Copy(requests, map[string]proto.Message{
		csi.Controller_CreateVolume_FullMethodName: createRequest(func(*csi.CreateVolumeRequest) {}),
		csi.Controller_DeleteVolume_FullMethodName: &csi.DeleteVolumeRequest{VolumeId: anyHandle},
		csi.Controller_ControllerExpandVolume_FullMethodName: &csi.ControllerExpandVolumeRequest{
			VolumeId: anyHandle, CapacityRange: &csi.CapacityRange{RequiredBytes: volume.GiB}, VolumeCapability: anyCapability(),
		},
		csi.Controller_ValidateVolumeCapabilities_FullMethodName: &csi.ValidateVolumeCapabilitiesRequest{
			VolumeId: "my-data", VolumeContext: static, VolumeCapabilities: []*csi.VolumeCapability{anyCapability()},
		},
		csi.Controller_ControllerGetVolume_FullMethodName:       &csi.ControllerGetVolumeRequest{VolumeId: anyHandle},
		csi.Controller_ControllerGetVolumeHealth_FullMethodName: &csi.ControllerGetVolumeHealthRequest{VolumeId: anyHandle},
		csi.Node_NodeStageVolume_FullMethodName:                 stageRequest(),
		csi.Node_NodePublishVolume_FullMethodName:               publishRequest(),
	})
	return requests
}

func descriptorOf(t *testing.T, method string) protoreflect.MethodDescriptor {
	t.Helper()
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return found.(protoreflect.MethodDescriptor)
}

func outputOf(t *testing.T, method string) protoreflect.MessageDescriptor {
	t.Helper()
	return descriptorOf(t, method).Output()
}

func newMessage(t *testing.T, d protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

// poison returns copies of a message, each with a secret in one place.
func poison(message proto.Message) []proto.Message {
	var poisoned []proto.Message
	for _, path := range collections(message.ProtoReflect().Descriptor(), nil) {
		for _, put := range poisons(path[len(path)-1]) {
			m := proto.Clone(message)
			put(follow(m.ProtoReflect(), path[:len(path)-1]), path[len(path)-1])
			poisoned = append(poisoned, m)
		}
	}
	return poisoned
}

// collections returns the paths to all maps and lists of text in a message and in its nested messages.
func collections(d protoreflect.MessageDescriptor, above []protoreflect.FieldDescriptor) [][]protoreflect.FieldDescriptor {
	var paths [][]protoreflect.FieldDescriptor
	for i := range d.Fields().Len() {
		field := d.Fields().Get(i)
		path := append(slices.Clone(above), field)
		switch {
		case field.IsMap() && field.MapValue().Kind() == protoreflect.StringKind, field.IsList() && field.Kind() == protoreflect.StringKind:
			paths = append(paths, path)
		case field.Message() != nil && !field.IsMap() && len(above) < 6:
			paths = append(paths, collections(field.Message(), path)...)
		}
	}
	return paths
}

// follow descends into a message, which it creates if it is absent.
func follow(m protoreflect.Message, path []protoreflect.FieldDescriptor) protoreflect.Message {
	for _, field := range path {
		switch {
		case !field.IsList():
			m = m.Mutable(field).Message()
		case m.Mutable(field).List().Len() > 0:
			m = m.Mutable(field).List().Get(0).Message()
		default:
			m = m.Mutable(field).List().AppendMutable().Message()
		}
	}
	return m
}

// poisons returns the ways to put a secret into a map or list.
func poisons(field protoreflect.FieldDescriptor) []func(protoreflect.Message, protoreflect.FieldDescriptor) {
	const url = "http://admin:" + secret + "@heketi:8080"
	var puts []func(protoreflect.Message, protoreflect.FieldDescriptor)
	if field.IsList() {
		for _, item := range []string{"password=" + secret, "noatime,password=" + secret, "log-level=" + url, "x-key=" + secret, "xlator-option=" + secret} {
			puts = append(puts, func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
				m.Mutable(f).List().Append(protoreflect.ValueOfString(item))
			})
		}
		return puts
	}
	entries := map[string]string{
		"password": secret, "restuserkeyy": secret, "restuserkey": secret, "key": secret, "csi.storage.k8s.io/serviceAccount.tokens": secret,
		"volume": "http://x:" + secret + "@h", "mountOptions": "acl,password=" + secret,
	}
	for _, key := range []string{"resturl", "backend", "clusterid", "volumetype", "volumeoptions", "snapfactor", "restuser", "gidMin", "servers", "server", "volumenameprefix", "deviceTagMatch"} {
		entries[key] = url
	}
	for key, value := range entries {
		puts = append(puts, func(m protoreflect.Message, f protoreflect.FieldDescriptor) {
			m.Mutable(f).Map().Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(value))
		})
	}
	return puts
}
