# Disturbs node plugins, nodes, servers and disks while applications use volumes (package test/chaos). CHAOS holds flags:
# '-only plugin-*' runs some of the rounds, '-repeat 5' runs each round five times, '-before-6.5' imitates an older Linux,
# '-cgroup-v2' hides version 1 of control groups, '-upgrade 10m' shortens the upgrade.

CHAOS ?=
chaos = go run ./test/chaos -driver $(DRIVER) -workload $(BIN)/chaos-workload -images $(BUILD)/images -out $(BUILD)/chaos.json

##@ Chaos

.PHONY: chaos
chaos: deps build heketi e2e-images $(BIN)/helm ## Kill, restart, replace and starve the processes around a workload, on the lab and on Kubernetes; writes build/chaos.json (needs root)
	$(call say,chaos on the lab: about 40 minutes; on Kubernetes: about 40 and an upgrade of an hour)
	@tools=$(e2e_tools); $(chaos) -tools "$$tools" $(CHAOS)

.PHONY: chaos-short
chaos-short: deps build heketi chaos-workload ## The rounds on the lab that do not touch the bricks, in two minutes
	$(call say,chaos on the lab: two minutes)
	$(chaos) -short $(CHAOS)

.PHONY: chaos-workload
chaos-workload:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $(BIN)/chaos-workload ./test/chaos/workload
