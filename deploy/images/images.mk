# The driver's two images and the storage images, built from the Dockerfile with bases that are made here: no image registry is used
# (deploy/images/build.sh).

# A VERSION that was set by hand may contain characters that are not allowed in a tag.
IMAGE_VERSION := $(shell printf %s '$(VERSION)' | tr -c 'A-Za-z0-9_.-' -)
# amd64 or arm64; empty means this machine's.
IMAGE_ARCH ?=
IMAGES := $(BUILD)/images$(if $(IMAGE_ARCH),-$(IMAGE_ARCH))
STORAGE_IMAGES := $(BUILD)/images-storage$(if $(IMAGE_ARCH),-$(IMAGE_ARCH))
# The driver's images and the storage images share bases and storage.
build_images = ARCH=$(IMAGE_ARCH) NODE_DEBIAN=$(NODE_DEBIAN) VERSION=$(IMAGE_VERSION) CYCLONEDX_GOMOD=$(CYCLONEDX_GOMOD) WORK=$(IMAGES)/work deploy/images/build.sh

# The release of Debian beneath the node plugin, if not the one of build.sh: trixie has the client of GlusterFS 11.
NODE_DEBIAN ?=

# Pinned like the tools of the Makefile.
CYCLONEDX_GOMOD_VERSION := v1.10.0
CYCLONEDX_GOMOD := $(BIN)/cyclonedx-gomod-$(CYCLONEDX_GOMOD_VERSION)

##@ Images

.PHONY: images
images: $(CYCLONEDX_GOMOD) ## The driver's two images with bills of materials: build/images/{controller,node}.tar; with IMAGE_ARCH=arm64 build/images-arm64/... (needs root)
	ARCH=$(IMAGE_ARCH) deploy/images/install.sh
	$(build_images) $(IMAGES) controller node

.PHONY: storage-images
storage-images: $(CYCLONEDX_GOMOD) ## The images of GlusterFS and Heketi with bills of materials: build/images-storage/{gluster,heketi}.tar (needs root)
	ARCH=$(IMAGE_ARCH) deploy/images/install.sh
	$(build_images) $(STORAGE_IMAGES) gluster heketi

.PHONY: test-storage-images
test-storage-images: storage-images ## Tests of the contents of the images of GlusterFS and Heketi (needs root)
	$(call say,what is in the images of GlusterFS and Heketi)
	STORAGE_IMAGES=$(STORAGE_IMAGES) go test -count=1 -v ./deploy/images/contents

# Storage images for the lab, which has no device-mapper.
.PHONY: storage-test-images
storage-test-images: storage-images
	WORK=$(IMAGES)/work test/e2e/storage/image.sh $(STORAGE_IMAGES) $(BUILD)/images-storage-test

.PHONY: test-reproducible
test-reproducible: ## Both programs, built twice in different directories, have the same bytes
	$(call say,building both programs twice for amd64 and arm64 - the second time without a build cache; a few minutes)
	deploy/images/reproducible.sh $(RELEASE_FLAGS)

$(CYCLONEDX_GOMOD):
	GOBIN=$(BIN) go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_GOMOD_VERSION)
	mv $(BIN)/cyclonedx-gomod $@
