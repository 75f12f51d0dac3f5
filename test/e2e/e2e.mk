# A real Kubernetes beside real gluster servers (packages test/lab/kubernetes and test/e2e).

E2E_DIR ?= $(BUILD)/e2e
E2E_ENV ?= $(E2E_DIR).env
# The tests that "make e2e" leaves to "make e2e-full".
E2E_LONG := ^TestStorageSuite$$/^(fast_on_three_copies|slow)$$|^TestFiftyMounts$$|^TestSidecars$$|^TestTLSTo|^TestSilentNodePluginIsRestarted$$|^TestGraphChange$$/^(expansion,_node_plugin_killed|volume_option,_node_plugin_killed_(before|afterwards)$$)
# These tests have their own target, because they migrate all PersistentVolumes of the cluster to the driver.
E2E_MIGRATE := ^TestMigrate(Many|Killed)$$
# The tests that "make e2e-storage" leaves to "make e2e-storage-full".
E2E_STORAGE_LONG := ^Test(NodesAndDisks|Memory)$$
# How long TestPodsOutliveNodePlugins upgrades and rolls back while pods write.
E2E_UPGRADE ?= 10m
# A version of Kubernetes other than the newest, such as KUBERNETES=1.30: see test/e2e/kubernetes.
export KUBERNETES ?=
e2e_tools = $$(test/e2e/kubernetes/build.sh)

##@ Kubernetes in the lab

.PHONY: e2e-deps
e2e-deps:
	$(call say,Debian packages)
	test/lab/install.sh kubernetes

.PHONY: e2e-tools
e2e-tools: ## Kubernetes, the CSI sidecars, the storage test suite: built once, cached by hash
	$(call say,tools of the end-to-end tests)
	@test/e2e/kubernetes/build.sh

# The images are the same for every version of Kubernetes.
.PHONY: e2e-images
e2e-images: e2e-deps e2e-tools images chaos-workload previous ## Images of the sidecars and of the tests: build/images
	$(call say,images of the sidecars and of the tests)
	@tools=$$(test/e2e/tools/build.sh); go run ./test/e2e/images -tools "$$tools" -bin $(BIN) -out $(BUILD)/images

# The driver in the image from which tests upgrade nodes, and to which they roll back.
.PHONY: previous
previous:
	@$(MAKE) --no-print-directory build VERSION=previous DRIVER=$(BIN)/glusterfs-csi-previous

.PHONY: e2e
e2e: deps build images e2e-images $(BIN)/helm ## The driver on a real Kubernetes: from a StorageClass to pods that share files (needs root)
	$(call say,end-to-end tests on Kubernetes beside gluster and Heketi)
	PATH=$(BIN):$$PATH E2E_UPGRADE=$(E2E_UPGRADE) go test -count=1 -timeout 80m -parallel 8 -skip '$(E2E_LONG)|$(E2E_MIGRATE)' -v ./test/e2e

.PHONY: e2e-full
e2e-full: deps build images e2e-images $(BIN)/helm ## The same, with all specs of Kubernetes's storage suite, TLS, the chart's sidecars, and what takes long
	$(call say,all end-to-end tests on Kubernetes beside gluster and Heketi)
	PATH=$(BIN):$$PATH E2E_UPGRADE=$(E2E_UPGRADE) go test -count=1 -timeout 90m -parallel 8 -skip '$(E2E_MIGRATE)' -v ./test/e2e

.PHONY: e2e-migrate
e2e-migrate: deps build images e2e-images $(BIN)/helm ## Migrate 100 volumes of the in-tree plugin to the driver, and kill migrations at any moment (needs root)
	$(call say,migration on Kubernetes beside gluster and Heketi: about 15 minutes)
	PATH=$(BIN):$$PATH go test -count=1 -timeout 50m -parallel 1 -run '$(E2E_MIGRATE)' -v ./test/e2e

.PHONY: e2e-storage
e2e-storage: deps build e2e-images storage-test-images $(BIN)/helm ## GlusterFS and Heketi in Kubernetes, from three bare nodes (needs root)
	$(call say,end-to-end tests of GlusterFS and Heketi in Kubernetes)
	PATH=$(BIN):$$PATH go test -count=1 -timeout 60m -skip '$(E2E_STORAGE_LONG)' -v ./test/e2e/storage

.PHONY: e2e-storage-full
e2e-storage-full: deps build e2e-images storage-test-images $(BIN)/helm ## The same, with nodes that come and go, a node that is lost, a disk that dies, and a measurement of memory (needs root)
	$(call say,all end-to-end tests of GlusterFS and Heketi in Kubernetes)
	PATH=$(BIN):$$PATH go test -count=1 -timeout 90m -v ./test/e2e/storage

.PHONY: e2e-up
e2e-up: labctl images e2e-images $(BIN)/helm ## Start gluster, Heketi and Kubernetes with the driver; build/e2e.env is for your shell (needs root)
	@tools=$(e2e_tools); $(LABCTL) --dir $(E2E_DIR) up --kubernetes "$$tools" --images $(BUILD)/images --env $(E2E_ENV)
	go run ./test/e2e/install -lab $(E2E_DIR)
	@echo "E2E_VALUES='$(E2E_DIR)/values.json'" >>$(E2E_ENV)

.PHONY: e2e-storage-up
e2e-storage-up: labctl e2e-images storage-test-images $(BIN)/helm ## Start Kubernetes with three bare storage nodes; build/e2e-storage.env is for your shell (needs root)
	@tools=$(e2e_tools); $(LABCTL) --dir $(BUILD)/e2e-storage up --bare-storage --kubernetes "$$tools" --env $(BUILD)/e2e-storage.env \
	  --images $(BUILD)/images,$(BUILD)/images-storage/heketi.tar \
	  --storage-images $(BUILD)/images/pause.tar,$(BUILD)/images/node.tar,$(BUILD)/images-storage/heketi.tar,$(BUILD)/images-storage-test

.PHONY: e2e-down
e2e-down: labctl ## End all clusters of the end-to-end tests, even after a crash or a killed test run
	$(LABCTL) --dir $(E2E_DIR) down
	$(LABCTL) --dir $(BUILD)/e2e-test down
	$(LABCTL) --dir $(BUILD)/e2e-demo down
	$(LABCTL) --dir $(BUILD)/e2e-chaos down
	$(LABCTL) --dir $(BUILD)/e2e-storage down
	$(LABCTL) --dir $(BUILD)/e2e-storage-test down
	$(LABCTL) --dir $(BUILD)/e2e-storage-down down
	$(LABCTL) --dir $(BUILD)/e2e-storage-demo down
	rm -f $(E2E_ENV) $(BUILD)/e2e-storage.env

# The tutorial (package test/e2e/tutorial).

# The prerequisites are built first, so that the screen shows only the tutorial.
.PHONY: demo-kubernetes
demo-kubernetes: deps images e2e-images $(BIN)/helm ## docs/tutorial.md on a real Kubernetes, step by step (needs root)
	$(call say,demo: from a Kubernetes and three gluster nodes to a page that two web servers share; about two minutes)
	@tools=$(e2e_tools); go run ./test/e2e/demo -tools "$$tools" -images $(BUILD)/images -lab $(BUILD)/e2e-demo

.PHONY: demo-day-one
demo-day-one: deps e2e-images storage-test-images $(BIN)/helm ## docs/day-one.md on a real Kubernetes: from bare nodes to a default class, step by step (needs root)
	$(call say,demo: from a Kubernetes with three bare storage nodes to GlusterFS and Heketi and a default StorageClass)
	@tools=$(e2e_tools); go run ./test/e2e/demo -tools "$$tools" -bare-storage -document docs/day-one.md -lab $(BUILD)/e2e-storage-demo
