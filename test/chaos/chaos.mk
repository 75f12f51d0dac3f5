# What happens to node plugins, servers and disks while applications use volumes (package test/chaos). CHAOS='-only plugin-*' for
# some rounds, '-repeat 5' for more, '-before-6.5' for an older Linux.

CHAOS ?=

##@ Chaos

.PHONY: chaos
chaos: deps build heketi chaos-workload ## Kill, restart and starve what is around a workload; writes build/chaos.json (needs root)
	$(call say,chaos on the lab: 12 to 20 minutes)
	go run ./test/chaos -driver $(DRIVER) -workload $(BIN)/chaos-workload -out $(BUILD)/chaos.json $(CHAOS)

.PHONY: chaos-short
chaos-short: CHAOS += -short
chaos-short: chaos ## Its rounds that leave the bricks alone, in two minutes

.PHONY: chaos-workload
chaos-workload:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $(BIN)/chaos-workload ./test/chaos/workload
