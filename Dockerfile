# Two images from one file:
#   docker build --target controller .   the static binary alone
#   docker build --target node .         the binary and the GlusterFS FUSE client
# For several architectures: docker buildx build --platform linux/amd64,linux/arm64 --target node .
# The bases are arguments, so that they can be pinned by digest, as in --build-arg NODE_BASE=debian@sha256:...
ARG GO_BASE=golang:1.26-bookworm
ARG NODE_BASE=debian:bookworm-slim

# The compiler runs on the builder's own architecture and writes for the target's.
FROM --platform=${BUILDPLATFORM} ${GO_BASE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY pkg pkg
ARG VERSION=unknown
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -tags grpcnotrace -ldflags "-s -w -X main.version=${VERSION}" -o /glusterfs-csi ./cmd/glusterfs-csi

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
# A numeric user, so that Kubernetes can tell that it is not root (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["/glusterfs-csi"]
CMD ["controller"]

# That is the default; but buildah 1.28 goes on with the platform of the stage before.
FROM --platform=${TARGETPLATFORM} ${NODE_BASE} AS node
# The package has all of GlusterFS. Of its translators stay those that a client has (pkg/volfile, Translators): servers name in their volume files
# what a client loads. What makes volumes, serves them and copies them to other sites goes, too.
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
