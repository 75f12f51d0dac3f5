# The charts, and the plain manifests that are rendered from the driver's (package test/chart). charts/glusterfs-storage has the driver's chart as a subchart:
# its charts/glusterfs-csi is a link, so helm needs no "dependency build", not even in a fresh clone.

HELM_VERSION := v4.3.1
HELM := $(BIN)/helm
HELM_DOCS_VERSION := v1.14.2
HELM_DOCS := $(BIN)/helm-docs
PROMTOOL := $(BIN)/promtool
CHART := charts/glusterfs-csi
STORAGE_CHART := charts/glusterfs-storage

##@ The charts and the manifests

.PHONY: test-chart
test-chart: build $(HELM) $(HELM_DOCS) $(PROMTOOL) ## The charts' renderings, schema and permissions; deploy/ and its examples
	$(call say,charts and manifests)
	go test -count=1 -timeout 30m ./test/chart

.PHONY: chart-lint
chart-lint: $(HELM) ## helm lint
	$(HELM) lint --strict $(CHART)
	$(HELM) lint --strict $(STORAGE_CHART) --values deploy/storage-values.yaml

.PHONY: chart-package
chart-package: $(HELM) ## The charts as archives, in build/charts
	rm -rf $(BUILD)/charts
	$(HELM) package $(CHART) $(STORAGE_CHART) --destination $(BUILD)/charts

.PHONY: manifests
manifests: $(HELM) ## Write deploy/glusterfs-csi.yaml
	go test -count=1 -timeout 30m ./test/chart -run '^TestDeployIsTheChart$$' -update

.PHONY: chart-golden
chart-golden: $(HELM) ## Write the renderings that test-chart compares with
	go test -count=1 -timeout 30m ./test/chart -run '^TestGolden' -update

.PHONY: chart-docs
chart-docs: $(HELM_DOCS) ## Write the charts' README.md
	go test -count=1 -timeout 30m ./test/chart -run '^TestReadmeHasTheValues$$' -update

.PHONY: chart-dashboard
chart-dashboard: ## Write the Grafana dashboard of the driver's chart, from deploy/dashboard
	go test -count=1 ./deploy/dashboard -run '^TestTheChartHasTheDashboard$$' -update

$(HELM):
	$(call say,building helm $(HELM_VERSION) - once; 2 to 4 minutes)
	GOBIN=$(BIN) go install helm.sh/helm/v4/cmd/helm@$(HELM_VERSION)

$(HELM_DOCS):
	$(call say,building helm-docs $(HELM_DOCS_VERSION) - once)
	GOBIN=$(BIN) go install github.com/norwoodj/helm-docs/cmd/helm-docs@$(HELM_DOCS_VERSION)

# Debian's package also has a server, which is not installed. If apt's list of packages is outdated, the download fails once.
$(PROMTOOL):
	$(call say,promtool from the Debian package prometheus - once; 20 MB)
	rm -rf $(BUILD)/promtool && mkdir -p $(BUILD)/promtool $(BIN)
	cd $(BUILD)/promtool && { apt-get -q download prometheus || { apt-get -q update && apt-get -q download prometheus; }; }
	dpkg -x $(BUILD)/promtool/prometheus_*.deb $(BUILD)/promtool
	mv $(BUILD)/promtool/usr/bin/promtool $@
	rm -rf $(BUILD)/promtool
