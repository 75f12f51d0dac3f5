# glusterfs-csi. `make help` lists the targets.
#
# Everything that is built, downloaded or written while testing lies below build/,
# apart from Go's own caches, a cache of the programs that end-to-end tests need
# (see test/e2e/tools/build.sh) and Debian packages.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BUILD := $(CURDIR)/build
BIN := $(BUILD)/bin
DRIVER := $(BIN)/glusterfs-csi
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The flags of a release, which the Dockerfile repeats. With them, the same source gives the same bytes in every directory.
# grpcnotrace leaves out grpc's trace pages, which the driver does not serve: their templates call methods by name, so that the
# linker would have to keep every method of every type, which takes 4 MiB. nethttpomithttp2 leaves out net/http's copy of HTTP/2,
# which takes 0.5 MiB: client-go and grpc use golang.org/x/net/http2.
RELEASE_FLAGS := -trimpath -buildvcs=false -tags grpcnotrace,nethttpomithttp2 -ldflags '-s -w -X main.version=$(VERSION)'

# The one place where tools are pinned.
GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION)

ACTIONLINT_VERSION := v1.7.12
ACTIONLINT := $(BIN)/actionlint-$(ACTIONLINT_VERSION)

# The packages that `make check` tests: they need neither root nor other programs, and take less than two minutes in all.
CHECKED := ./pkg/volume ./pkg/heketi ./pkg/driver ./pkg/kube/... ./pkg/metrics ./pkg/nearest ./pkg/plain ./pkg/report ./pkg/volfile \
	./pkg/glustercli ./pkg/logging ./test/documents/... ./test/needs

# How long each fuzz target runs with `make fuzz`.
FUZZTIME ?= 20s

# The rows of `make bench`, all by default: names or patterns, separated by commas.
BENCH_ONLY ?=

# (No commas in the text: they would separate arguments.)
say = @printf '\n=== %s\n' "$(1)"

include test/lab/lab.mk
include test/faults/faults.mk
include test/chaos/chaos.mk
include test/e2e/e2e.mk
include deploy/images/images.mk
include charts/charts.mk

##@ The two commands

.PHONY: demo
demo: deps build ## The life of a volume, step by step, on real servers (needs root)
	$(call say,demo: the life of a volume on three gluster nodes and a Heketi; about a minute)
	go run ./test/demo -driver $(DRIVER)

.PHONY: test
test: export REQUIRE_ALL = 1
test: deps lint test-unit test-chart test-sanity test-schedules test-integration ## All tests (needs root)
	$(call say,all tests passed)

##@ Build

.PHONY: build
build: ## The driver: build/bin/glusterfs-csi
	$(call say,building glusterfs-csi $(VERSION))
	CGO_ENABLED=0 go build $(RELEASE_FLAGS) -o $(DRIVER) ./cmd/glusterfs-csi

.PHONY: deps
deps: ## Install missing Debian packages that tests and demo need
	$(call say,Debian packages)
	test/lab/install.sh

.PHONY: clean
clean: lab-down e2e-down ## End a running lab and remove build/
	rm -rf $(BUILD)

.PHONY: docs
docs: ## Write the generated parts of docs/ (flags, lists of options), and wrap lines
	go test -count=1 ./cmd/... -run '^TestFlagsAreDocumented$$' -update
	go test -count=1 ./pkg/volume ./pkg/mount -run '^Test(Mount)?OptionsAreDocumented$$' -update
	go test -count=1 ./test/documents -run '^Test(PagesAreWrapped|Contents)$$' -update

##@ Tests, one kind at a time

.PHONY: lint
lint: $(GOLANGCI_LINT) ## go vet and golangci-lint
	$(call say,vet and lint)
	go vet ./...
	$(GOLANGCI_LINT) run ./...

.PHONY: check
check: ## Checks without root, network or other programs: format, vet, and the quick unit tests; two minutes
	$(call say,format and vet and quick unit tests)
	@unformatted=$$(gofmt -l cmd pkg deploy test); if [ -n "$$unformatted" ]; then echo "gofmt -w $$unformatted"; exit 1; fi
	go vet ./...
	go test $(CHECKED)

.PHONY: actionlint
actionlint: $(ACTIONLINT) ## Lint .github/workflows
	$(ACTIONLINT)

$(ACTIONLINT):
	GOBIN=$(BIN) go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	mv $(BIN)/actionlint $@

$(GOLANGCI_LINT):
	$(call say,building golangci-lint $(GOLANGCI_LINT_VERSION) - once; 1 to 3 minutes)
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(BIN)/golangci-lint $@

.PHONY: test-unit
test-unit: heketi ## Unit tests and fuzz seeds, with the race detector
	$(call say,unit tests and fuzz seeds with the race detector)
	go test -race -timeout 20m ./cmd/... ./pkg/... ./test/lab/... ./test/documents/... ./test/needs ./test/mutations/... ./test/demo ./test/bench ./test/chaos/... ./test/e2e/images ./test/e2e/tutorial ./test/e2e/versions ./deploy/...

.PHONY: test-sanity
test-sanity: heketi ## csi-sanity in process, over a real Heketi with the mock executor
	$(call say,csi-sanity in process)
	go test -count=1 -v ./test/sanity

.PHONY: test-integration
test-integration: build heketi client-files ## Integration tests and csi-sanity on real servers and mounts
	$(call say,integration tests on the lab: real gluster + Heketi + FUSE mounts; about 25 minutes)
	LAB_CLIENT_FILES=$(CLIENT_FILES) go test -count=1 -timeout 60m -skip '$(RECORDER)' -v ./test/integration

# It records what test-chart compares with.
RECORDER := ^TestRecordAlertSeries$$

.PHONY: alert-series
alert-series: build heketi ## Record the metrics of a failing driver again, with which test-chart tries the alerts (needs root)
	$(call say,metrics of a failing driver; about 3 minutes)
	rm -rf $(BUILD)/alert-series
	go test -count=1 -timeout 20m -run '$(RECORDER)' -v ./test/integration
	rm -rf test/chart/testdata/series && cp -r $(BUILD)/alert-series test/chart/testdata/series

.PHONY: test-attacks
test-attacks: build heketi ## The integration tests of attacks: from pods, by servers, by authors of PersistentVolumes
	$(call say,attacks on the lab; about a minute)
	go test -count=1 -timeout 10m -run 'Attack|Confined' -v ./test/integration

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (20s)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' pkg | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$dir/*_test.go | cut -d' ' -f2); do \
	    printf '\n=== %s %s\n' $$dir $$target; \
	    go test ./$$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME); \
	  done; \
	done

.PHONY: bench
bench: deps build ## Measure against heketi-cli and mount.glusterfs; writes build/bench.json and plots of it (needs root)
	$(call say,benchmarks: pairs of runs on the lab; about an hour)
	go run ./test/bench -driver $(DRIVER) -out $(BUILD)/bench.json -only '$(BENCH_ONLY)'

.PHONY: plots
plots: ## Draw the figures that docs/performance records
	go run ./test/bench -plot docs/performance/measured.json

.PHONY: bench-scale
bench-scale: build ## Measure only costs that grow with the number of volumes; writes build/bench-scale.json
	$(call say,benchmarks with up to 5000 volumes on a Heketi with the mock executor; about 5 minutes)
	go run ./test/bench -driver $(DRIVER) -out $(BUILD)/bench-scale.json -only '*-at-*'

##@ Releases

# The version to release, as in RELEASE=v1.2.3; without a version, only the checks that need none.
RELEASE ?=

.PHONY: release-check
release-check: ## Changelog, versions, charts, reproducible binaries, all four images, bills of materials, checksums: build/release (needs root)
	$(call say,changelog and versions)
	RELEASE=$(RELEASE) go test -count=1 ./test/documents -run '^TestRelease$$'
	$(MAKE) --no-print-directory release-build VERSION=$(or $(RELEASE:v%=%),$(VERSION))

.PHONY: release-build
release-build: chart-lint test-chart test-reproducible images test-storage-images
	$(call say,build/release)
	deploy/images/release.sh $(BUILD)/release $(IMAGES) $(STORAGE_IMAGES) $(RELEASE_FLAGS)

##@ Help

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
