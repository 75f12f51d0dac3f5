# The lab of real servers (package test/lab). LAB_DIR chooses another lab directory, so that two labs can run at the same time.

LAB_DIR ?= $(CURDIR)/build/lab
LAB_ENV ?= $(LAB_DIR).env
LABCTL := $(CURDIR)/build/bin/labctl

##@ The lab: three GlusterFS nodes, Heketi, the driver

.PHONY: lab-up
lab-up: build labctl ## Start the lab; source build/lab.env in your shell (needs root)
	$(LABCTL) --dir $(LAB_DIR) up --driver $(CURDIR)/build/bin/glusterfs-csi --env $(LAB_ENV)

.PHONY: lab-down
lab-down: labctl ## End the lab, also after a crash
	$(LABCTL) --dir $(LAB_DIR) down
	rm -f $(LAB_ENV)

.PHONY: lab-status
lab-status: labctl ## Show what runs in the lab
	$(LABCTL) --dir $(LAB_DIR) status

.PHONY: labctl
labctl:
	CGO_ENABLED=0 go build -buildvcs=false -o $(LABCTL) ./test/lab/labctl

# With NODE_DEBIAN, the client nodes in integration tests have the GlusterFS client of another release of Debian.
CLIENT_FILES := $(if $(NODE_DEBIAN),$(BUILD)/client-$(NODE_DEBIAN))

.PHONY: client-files
client-files:
	$(if $(NODE_DEBIAN),test/lab/client-files.sh $(NODE_DEBIAN) $(CLIENT_FILES))

.PHONY: heketi
heketi: labctl ## Heketi, from its own module deploy/heketi
	$(LABCTL) build-heketi
