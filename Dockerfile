# Two images from one file:
#   docker build --target controller .   the static binary alone
#   docker build --target node .         the binary and the GlusterFS FUSE client
# The bases are arguments, so that they can be pinned by digest.
ARG GO_BASE=golang:1.26-bookworm
ARG NODE_BASE=debian:bookworm-slim

FROM ${GO_BASE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY pkg pkg
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags "-s -w -X main.version=${VERSION}" \
    -o /glusterfs-csi ./cmd/glusterfs-csi

FROM scratch AS controller
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /glusterfs-csi /glusterfs-csi
# A numeric user, so that Kubernetes can tell that it is not root (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["/glusterfs-csi"]
CMD ["controller"]

FROM ${NODE_BASE} AS node
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends glusterfs-client \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /glusterfs-csi /glusterfs-csi
ENTRYPOINT ["/glusterfs-csi"]
CMD ["node"]
