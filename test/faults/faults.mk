# Schedules of faults between the driver and Heketi (package test/faults). FAULT_SEED=N FAULT_SCHEDULES=1 replays schedule N.

##@ Faults

.PHONY: test-schedules
test-schedules: heketi ## 100 schedules of faults; a part of `make test`
	go test -count=1 ./test/faults/...

.PHONY: test-faults
test-faults: heketi ## 900 more schedules of faults than `make test`, or FAULT_SCHEDULES of them from FAULT_SEED
	FAULT_SEED=$${FAULT_SEED:-101} FAULT_SCHEDULES=$${FAULT_SCHEDULES:-900} go test -count=1 -timeout 60m -v -run TestSchedules ./test/faults

.PHONY: test-mutations
test-mutations: test-rules test-mutants ## Change the driver's code, one piece at a time; the tests must notice each change

.PHONY: test-rules
test-rules: heketi
	go run ./test/faults/mutations

# MUTATIONS='-only pkg/mount/' or MUTATIONS='-sample 500 -seed 2' runs some of the mutants.
.PHONY: test-mutants
test-mutants: heketi
	go run ./test/mutations $(MUTATIONS)
