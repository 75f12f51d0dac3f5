# The driver's two images:
#   docker build --target controller .   the static binary alone
#   docker build --target node .         the binary and the GlusterFS FUSE client
# The images of storage in the cluster (charts/glusterfs-storage):
#   docker build --target gluster .      GlusterFS servers with the programs that Heketi calls on them
#   docker build --target heketi .       Heketi and its command line client, built from their Go module
# For several architectures: docker buildx build --platform linux/amd64,linux/arm64 --target node .
# The bases are tags that change, so that a build has the newest fixes of Go and Debian (docs/releasing.md). They are arguments, so that
# a build can pin them by digest, as in --build-arg NODE_BASE=debian@sha256:...
ARG GO_BASE=golang:1.26-bookworm
ARG NODE_BASE=debian:bookworm-slim
ARG GLUSTER_BASE=debian:bookworm-slim

# The compiler runs on the builder's architecture and compiles for the target's.
FROM --platform=${BUILDPLATFORM} ${GO_BASE} AS source
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY pkg pkg

FROM source AS build
ARG VERSION=unknown
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -tags grpcnotrace,nethttpomithttp2 -ldflags "-s -w -X main.version=${VERSION}" -o /glusterfs-csi ./cmd/glusterfs-csi

FROM scratch AS controller
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glusterfs-csi-controller" \
      org.opencontainers.image.description="CSI driver for GlusterFS volumes that Heketi provisions: the controller" \
      org.opencontainers.image.source="https://github.com/glusterfs-csi/glusterfs-csi" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /glusterfs-csi /glusterfs-csi
# A numeric user, so that Kubernetes can verify that it is not root (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["/glusterfs-csi"]
CMD ["controller"]

# This is the default, but buildah 1.28 continues with the platform of the previous stage.
FROM --platform=${TARGETPLATFORM} ${NODE_BASE} AS node
# The package has all of GlusterFS. Only a client's translators stay (pkg/volfile, Translators): the servers' volume files name the translators
# that a client loads. Programs that create, serve and replicate volumes are removed, too.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends glusterfs-client \
    && find /usr/lib/*/glusterfs/*/xlator ! -type d \
        ! -path '*/xlator/cluster/*.so' ! -path '*/xlator/performance/*.so' ! -path '*/xlator/protocol/client.so' ! -path '*/xlator/mount/fuse.so' \
        ! -path '*/xlator/meta.so' ! -path '*/xlator/system/posix-acl.so' ! -path '*/xlator/debug/io-stats.so' \
        ! -path '*/xlator/features/access-control.so' ! -path '*/xlator/features/cloudsync.so' ! -path '*/xlator/features/gfid-access.so' \
        ! -path '*/xlator/features/namespace.so' ! -path '*/xlator/features/quiesce.so' ! -path '*/xlator/features/read-only.so' \
        ! -path '*/xlator/features/shard.so' ! -path '*/xlator/features/snapview-client.so' ! -path '*/xlator/features/utime.so' \
        ! -path '*/xlator/features/worm.so' -delete \
    && find /usr/lib/*/glusterfs -mindepth 1 -maxdepth 1 ! -name '[0-9]*' -exec rm -r {} + \
    && rm -rf /usr/lib/*/glusterfs/*/auth /usr/lib/*/ganesha /usr/lib/ocf/resource.d /usr/share/glusterfs \
        /usr/sbin/gf_attach /usr/sbin/gluster-* /usr/bin/glusterfind \
        /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/*.log
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glusterfs-csi-node" \
      org.opencontainers.image.description="CSI driver for GlusterFS volumes that Heketi provisions: the node plugin with the GlusterFS client" \
      org.opencontainers.image.source="https://github.com/glusterfs-csi/glusterfs-csi" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /glusterfs-csi /glusterfs-csi
ENTRYPOINT ["/glusterfs-csi"]
CMD ["node"]

FROM source AS build-storage
ARG VERSION=unknown
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -tags grpcnotrace,nethttpomithttp2 -ldflags "-s -w -X main.version=${VERSION}" -o /glusterfs-storage ./cmd/glusterfs-storage

FROM --platform=${BUILDPLATFORM} ${GO_BASE} AS build-heketi
WORKDIR /src
COPY deploy/heketi/go.mod deploy/heketi/go.sum ./
RUN go mod download
ARG TARGETOS
ARG TARGETARCH
# Heketi's licenses require their texts beside the binaries.
RUN version=$(go list -m -f '{{.Version}}' github.com/heketi/heketi) && version=${version%+incompatible} \
    && export CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    && go build -trimpath -buildvcs=false -ldflags "-s -w -X main.HEKETI_VERSION=${version}" -o /heketi/usr/bin/heketi github.com/heketi/heketi \
    && go build -trimpath -buildvcs=false -ldflags "-s -w -X main.HEKETI_CLI_VERSION=${version}" -o /heketi/usr/bin/heketi-cli github.com/heketi/heketi/client/cli/go \
    && cd "$(go list -m -f '{{.Dir}}' github.com/heketi/heketi)" && install -D -m 644 -t /heketi/usr/share/doc/heketi LICENSE* COPYING*

FROM --platform=${TARGETPLATFORM} ${GLUSTER_BASE} AS gluster
# The hooks for Samba, CTDB and Ganesha would run for each volume, but the image has none of the three.
# In the cluster, directories of the node hide /etc/glusterfs and /var/lib/glusterd. The packages' files become templates, from which
# glusterfs-storage copies the missing files to the node.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        glusterfs-server lvm2 thin-provisioning-tools xfsprogs attr kmod lsof udev mount util-linux \
    && rm -rf /usr/lib/*/ganesha /usr/lib/ocf/resource.d /usr/lib/udev/hwdb.d /usr/lib/udev/hwdb.bin \
        /var/lib/glusterd/hooks/1/*/*/S29CTDB* /var/lib/glusterd/hooks/1/*/*/S30samba* /var/lib/glusterd/hooks/1/*/*/S31ganesha* \
    && mkdir /usr/share/glusterfs-storage \
    && mv /etc/glusterfs /usr/share/glusterfs-storage/etc-glusterfs \
    && mv /var/lib/glusterd /usr/share/glusterfs-storage/glusterd \
    && mkdir -p /etc/glusterfs /var/lib/glusterd /var/lib/heketi /var/log/glusterfs \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/*.log
COPY deploy/gluster/S10keep-directories.sh /usr/share/glusterfs-storage/glusterd/hooks/1/add-brick/pre/
COPY deploy/images/gluster/lvmlocal.conf /etc/lvm/lvmlocal.conf
COPY deploy/images/gluster/systemctl /usr/bin/systemctl
COPY deploy/images/gluster/mkfs.xfs /usr/local/sbin/mkfs.xfs
RUN chmod 755 /usr/share/glusterfs-storage/glusterd/hooks/1/add-brick/pre/S10keep-directories.sh /usr/bin/systemctl /usr/local/sbin/mkfs.xfs
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glusterfs-storage-gluster" \
      org.opencontainers.image.description="GlusterFS servers in Kubernetes, with what Heketi calls on them" \
      org.opencontainers.image.source="https://github.com/glusterfs-csi/glusterfs-csi" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The wrapper of mkfs.xfs precedes the program in PATH.
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY --from=build-storage /glusterfs-storage /glusterfs-storage
ENTRYPOINT ["/glusterfs-storage"]
CMD ["gluster"]

FROM scratch AS heketi
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="glusterfs-storage-heketi" \
      org.opencontainers.image.description="Heketi for GlusterFS servers in Kubernetes, with its command line client" \
      org.opencontainers.image.source="https://github.com/glusterfs-csi/glusterfs-csi" \
      org.opencontainers.image.licenses="Apache-2.0 AND (LGPL-3.0-or-later OR GPL-2.0-only)" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build-heketi /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build-heketi /heketi /
COPY --from=build-storage /glusterfs-storage /glusterfs-storage
# So that kubectl exec finds heketi-cli by its name.
ENV PATH=/usr/bin
USER 65532:65532
ENTRYPOINT ["/usr/bin/heketi"]
