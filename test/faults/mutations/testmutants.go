package main

// testMutants returns the rules that specific unit tests check.
func testMutants() []testMutant {
	all := refusalMutants()
	all = append(all, nameMutants()...)
	all = append(all, pendingMutants()...)
	all = append(all, listMutants()...)
	all = append(all, nodeMutants()...)
	return append(all, secretMutants()...)
}

// refusalMutants: a refusal or a cleanup needs a check first, an outcome in doubt stays in doubt, and a backend has a limit of
// concurrent operations.
func refusalMutants() []testMutant {
	const provisioner, pending, backend, otherDatabase = "pkg/provisioner", "pkg/provisioner/pendingoperation.go", "pkg/heketi/backend.go", "pkg/heketi/otherdatabase.go"
	return []testMutant{
		{Mutant{"no-look-before-a-refused-group-id", "before a create is refused because no group id is free, the volume is looked up",
			[]Edit{{create, "errors.Is(err, volume.ErrExhausted) || c.index.hasOther(c.name)", "c.index.hasOther(c.name)"},
				{create, "if !c.absent {", "if false {"}}},
			provisioner, "TestLookBeforeARefusalOfAGroupID"},
		{Mutant{"no-look-before-a-refusal", "before a create is refused because there is no space, the volume is looked up",
			[]Edit{{create, "if found, err := c.find(ctx); !errors.Is(err, volume.ErrNotFound) {\n\t\treturn found, err\n\t}\n\treturn volume.Volume{}, everyClusterRefused(refusals)",
				"return volume.Volume{}, everyClusterRefused(refusals)"},
				{create, "if !c.absent {", "if false {"}}},
			provisioner, "TestLookBeforeARefusal.*"},
		{Mutant{"late-creates-forgotten", "while a create may still be carried out in one cluster, no other one is tried",
			[]Edit{{create, "eligible = []string{cluster}\n", "_ = cluster\n"}}},
			provisioner, "TestCreateThatArrivesLate"},
		{Mutant{"late-create-of-an-old-volume", "a volume is not deleted while a create may make it again",
			[]Edit{{reserving, "return recorded || r.others || ", "return recorded && false || "}}},
			provisioner, "TestDeleteOfAVolumeOfAnotherCreate"},
		{Mutant{"old-creates-forgotten", "no other cluster is tried while Heketi may have begun with an old create",
			[]Edit{{laterequest, "if unrecorded > 0 {\n\t\ttiming", "if unrecorded < 0 {\n\t\ttiming"}}},
			provisioner, "TestCreateThatHeketiHasBegunWith"},
		{Mutant{"accepted-creates-forgotten", "a create that Heketi has accepted stays in doubt until its end is known",
			[]Edit{{create, "case heketi.OutcomeOf(err) != heketi.Unknown:", "case true:"}}},
			provisioner, "TestClassMovedAfterAnAcceptedCreate"},
		{Mutant{"clean-up-what-runs", "a clean-up queries only operations that have ended",
			[]Edit{{pending, "!ok || !isAbandoned(stuck.status) || ", "!ok || "}}},
			provisioner, "TestCleanUpAsksOnlyForWhatHasEnded"},
		{Mutant{"clean-up-what-runs-again", "an operation that runs again is not cleaned up",
			[]Edit{{pending, "case !isAbandoned(op.Status) || ", "case "}}},
			provisioner, "TestCleanUpOnlyWhatBlocksTheVolume"},
		{Mutant{"clean-up-others", "operations on volumes of others are not cleaned up",
			[]Edit{{pending, " || !client.Backend().OfThisInstallation(stuck.name)", ""}}},
			provisioner, "TestNoCleanUpOfOthersVolumes"},
		{Mutant{"clean-up-another-volume", "an operation on another volume is not cleaned up",
			[]Edit{{pending, " || !slices.Contains(op.Objects, stuck.handle.ID)", " && slices.Contains(op.Objects, \"\")"}}},
			provisioner, "TestCleanUpOnlyWhatBlocksTheVolume"},
		{Mutant{"clean-up-an-expand", "only creates and deletes are cleaned up",
			[]Edit{{pending, "op.Type != heketi.OperationCreateVolume && op.Type != heketi.OperationDeleteVolume:", "false:"}}},
			provisioner, "TestCleanUpOnlyWhatBlocksTheVolume"},
		{Mutant{"group-taken-meanwhile", "the group id of a create in doubt is not used again if another volume has it by now",
			[]Edit{{reserving, " && x.taken[earlier.gid] == 0", ""}}},
			provisioner, "TestGIDTakenMeanwhile"},
		{Mutant{"examination-of-another-database", "examinations of a Heketi with another database say nothing about volumes",
			[]Edit{{"pkg/provisioner/healthcache.go", "err = p.index(backend).trust(clusterIDs(found.Database))", "err = nil"}}},
			provisioner, "TestExaminationOfAnotherDatabase"},
		{Mutant{"reset-never-arrived", "a connection that is reset after a request leaves its outcome unknown",
			[]Edit{{errorsFile, `return ok && op.Op == "dial"`, `return ok && op.Op != ""`}}},
			"pkg/heketi", "TestMayBeLate"},
		{Mutant{"no-slots", "a backend has no more operations at a time than maxInFlight",
			[]Edit{{backend, "b.slots.Acquire(ctx, 1) != nil", "ctx.Err() != nil"}, {backend, "func (b *Backend) release() { b.slots.Release(1) }", "func (b *Backend) release() {}"}}},
			provisioner, "TestLimit"},
		{Mutant{"slots-are-kept", "an operation that has ended gives its slot back",
			[]Edit{{backend, "func (b *Backend) release() { b.slots.Release(1) }", "func (b *Backend) release() {}"}}},
			provisioner, "TestLimit|TestCreateConcurrently"},
		{Mutant{"clusters-are-not-recognised", "a Heketi without a cluster that the configuration names has another database",
			[]Edit{{otherDatabase, "if len(missing) == 0 {", "if true {"}}},
			provisioner, "TestOtherDatabaseAfterARestart"},
		{Mutant{"one-cluster-will-do", "a Heketi must have every cluster that the configuration names",
			[]Edit{{otherDatabase, "if len(missing) == 0 {", "if len(missing) < len(b.config.Clusters) {"}}},
			provisioner, "TestOtherDatabaseAfterARestart"},
	}
}

// listMutants: the content of lists, and which objects may be touched.
func listMutants() []testMutant {
	const provisioner, capacity = "pkg/provisioner", "pkg/kube/storagecapacity.go"
	return []testMutant{
		{Mutant{"list-pending", "volumes that are pending are not listed",
			[]Edit{{listcache, "if v.Pending != \"\" {\n\t\t\tcontinue", "if false {\n\t\t\tcontinue"}}},
			provisioner, "TestList|TestListLeavesOutWhatIsPending"},
		{Mutant{"old-first-page", "the first page of a list shows what exists now",
			[]Edit{{"pkg/provisioner/list.go", `after == "" || !recent`, "!recent"}}},
			provisioner, "TestFirstPageIsFresh"},
		{Mutant{"capacity-of-other-managers", "only objects of this driver's own are deleted",
			[]Edit{{capacity, `driverLabel + "=" + o.Driver + "," + managerLabel + "=" + manager`, `driverLabel + "=" + o.Driver`}}},
			"pkg/kube", "TestPublishCapacityDeletesOnlyItsOwn"},
		{Mutant{"capacity-of-other-drivers", "only objects about this driver are deleted",
			[]Edit{{capacity, `driverLabel + "=" + o.Driver + "," + managerLabel + "=" + manager`, `managerLabel + "=" + manager`}}},
			"pkg/kube", "TestPublishCapacityDeletesOnlyItsOwn"},
		{Mutant{"capacity-of-other-classes", "nothing is published for classes of other drivers",
			[]Edit{{capacity, "provisioner == o.Driver && ", `provisioner != "" && `}}},
			"pkg/kube", "TestPublishCapacity"},
		{Mutant{"groups-of-other-volumes", "PersistentVolumes of other drivers are not annotated",
			[]Edit{{"pkg/kube/annotate.go", "driver == s.driver && ", "driver != \"\" && "}}},
			"pkg/kube", "TestAnnotate.*"},
	}
}

// nodeMutants: on a node, clients outlive the driver, only the volume's own mounts and processes are touched, and nothing waits
// for a client without a limit.
func nodeMutants() []testMutant {
	const fuseclient, mount = "pkg/fuseclient", "pkg/mount"
	return []testMutant{
		{Mutant{"clients-end-with-the-driver", "a client outlives the process that started it",
			[]Edit{{"pkg/fuseclient/launch.go", "Setsid: true, ", "Setsid: true, Pdeathsig: syscall.SIGKILL, "}}},
			fuseclient, "TestClientOutlivesKilledDriver"},
		{Mutant{"clients-are-not-adopted", "a restarted driver continues to use the running clients",
			[]Edit{{"pkg/fuseclient/recoverafterrestart.go", "default:\n\t\t\tm.records[r.Source.VolumeID] = r\n", "default:\n"}}},
			fuseclient, "TestRestartBetweenAnyTwoCalls|TestClientOutlivesKilledDriver"},
		{Mutant{"fresh-path-is-kept", "a client is removed from the path at which it mounted first",
			[]Edit{{"pkg/fuseclient/wholemount.go", "return errors.Join(err, mount.Unmount(fresh, anyMount), mount.RemoveDir(fresh))", "return err"}}},
			fuseclient, "TestStageLeavesFreshPath|TestLifeOfAVolume"},
		{Mutant{"replace-what-waits-for-bricks", "a client that waits for its bricks is not replaced",
			[]Edit{{"pkg/fusequery/client.go", "case errors.Is(err, unix.ENOTCONN), errors.Is(err, unix.ECONNABORTED):", "case err != nil:"}}},
			fuseclient, "TestPublishKeepsBindThatWaitsForBricks|TestStageKeepsClientOfBricksThatAreAway|TestPublishDoesNotHideAnotherVolume"},
		{Mutant{"unmount-others", "only this volume's mounts are unmounted",
			[]Edit{{mount + "/unmount.go", "if err := mine(top); err != nil {", "if err := mine(top); err != nil && false {"}}},
			fuseclient, "TestUnpublishKeepsWhatIsNotOurs"},
		{Mutant{"hide-files", "a directory with files in it is not mounted over",
			[]Edit{{"pkg/fuseclient/publish.go", "case errors.Is(err, io.EOF):", "case err == nil, errors.Is(err, io.EOF):"}}},
			fuseclient, "TestPublishRefusesTargets"},
		{Mutant{"kill-a-reused-number", "a process that only has a dead client's number is not killed",
			[]Edit{{mount + "/process.go", "err == nil && start != p.Start ", "err == nil && start != p.Start && false "}}},
			fuseclient, "TestProcessIdentity|TestUnstageSparesForeignProcess"},
		{Mutant{"wait-for-a-hung-client", "nothing waits without limit for a client",
			[]Edit{{"pkg/fusequery/asker.go", "time.AfterFunc(q.limit, ", "time.AfterFunc(time.Hour, "}}},
			fuseclient, "TestStatsOfBrokenVolumes|TestHealth"},
		{Mutant{"ask-a-hung-client-again", "a client gets one query of a kind at a time",
			[]Edit{{"pkg/fusequery/asker.go", "if running, ok := a.asked[q.name]; ok {", "if running, ok := a.asked[q.name]; ok && false {"}}},
			"pkg/fusequery", "TestManyCallersOfHungClients"},
		{Mutant{"ask-a-client-in-the-driver", "the driver's own threads never wait for a client",
			[]Edit{{"pkg/mount/realpath.go", "case found.FSType == \"fuse\", strings.HasPrefix(found.FSType, \"fuse.\"):", "case found.FSType == \"fuse\":"}}},
			mount, "TestRealPathAsksNoClient"},
		{Mutant{"a-client-for-each-stage", "a volume has one client per node",
			[]Edit{{"pkg/fuseclient/stage.go", "alive := former.Process.alive()", "alive := false"}}},
			fuseclient, "TestStageAgain|TestStageBindsTheRunningClientAgain"},
		{Mutant{"nodes-need-heketi", "a node serves without Heketi and without a configuration",
			[]Edit{{"cmd/glusterfs-csi/serve.go", "if m.controller {\n\t\tif controller, err", "if m.controller || m.node {\n\t\tif controller, err"}}},
			"cmd/glusterfs-csi", "TestNodeOnKubernetes"},
	}
}

// secretMutants: secrets are neither logged nor passed on, and only known options and parameters are accepted.
func secretMutants() []testMutant {
	const driver, sanitized, options = "pkg/driver", "pkg/driver/sanitized.go", "pkg/volume/volumeoptions.go"
	return []testMutant{
		{Mutant{"secrets-are-logged", "values that CSI marks as secret are not logged",
			[]Edit{{sanitized, "return protosanitizer.StripSecrets(message).String()", "return fmt.Sprint(message)"},
				{sanitized, "import (\n", "import (\n\t\"fmt\"\n"}, {sanitized, "\t\"github.com/kubernetes-csi/csi-lib-utils/protosanitizer\"\n", "\t_ \"github.com/kubernetes-csi/csi-lib-utils/protosanitizer\"\n"}}},
			driver, "TestSecretsUnderHarmlessKeys"},
		{Mutant{"unknown-keys-are-logged", "nothing under a key that is not known is logged",
			[]Edit{{sanitized, "case !harmless(key):", "case false:"}}},
			driver, "TestSecretsInNoLogAndNoError|TestWhatLogsShow"},
		{Mutant{"passwords-in-urls-are-logged", "a URL is logged without a password",
			[]Edit{{sanitized, "if strings.Contains(text, \"@\") {", "if false {"}}},
			driver, "TestWithoutPasswords|TestSecretsInNoLogAndNoError"},
		{Mutant{"environment-for-clients", "a client does not get the driver's environment",
			[]Edit{{"pkg/fuseclient/launch.go", "c.cmd.Env = clientEnv()\n", ""}}},
			"pkg/fuseclient", "TestRunningClientHasNoSecrets"},
		{Mutant{"credentials-are-printed", "credentials do not print their key",
			[]Edit{{"pkg/volume/provisioner.go", `return "user " + c.User }`, `return "user " + c.User + " " + c.Key }`}}},
			"pkg/volume", "TestCredentialsAreNotPrinted"},
		{Mutant{"any-option", "only options on the list, and user.*, are set",
			[]Edit{{options, "case strings.HasPrefix(o.Key, heketiOptions), !userOption.MatchString(o.Key):", "case false:"}}},
			"pkg/volume", "TestParseOptionsRefuses"},
		{Mutant{"any-value", "an option's value has its type",
			[]Edit{{options, "if !t.accepts(o.Value) {", "if false {"}}},
			"pkg/volume", "TestParseOptionsRefuses"},
		{Mutant{"any-letter", "a value of user.* has no letter that means something to a shell",
			[]Edit{{options, "case !shellSafe.MatchString(o.Value):", "case false:"}}},
			"pkg/volume", "TestParseOptionsRefuses"},
		{Mutant{"options-for-samba", "an option that programs on the servers act on is not set",
			[]Edit{{options, "case readByServers.MatchString(o.Key + \"=\" + o.Value):", "case false:"}}},
			"pkg/volume", "TestParseOptionsRefuses"},
		{Mutant{"a-value-that-is-an-option", "no value begins with a dash, which gluster would read as one of its options",
			[]Edit{{options, "`^[A-Za-z0-9._:/@%+=][A-Za-z0-9._:/@%+=-]{0,199}$`", "`^[A-Za-z0-9._:/@%+=-]{1,200}$`"}}},
			"pkg/volume", "TestParseOptionsRefuses"},
		{Mutant{"any-parameter", "an unknown parameter of a class is refused",
			[]Edit{{"pkg/volume/parameters.go", "set, ok := setters[name]\n\t\tif !ok {", "set, ok := setters[name]\n\t\tif !ok {\n\t\t\tcontinue\n\t\t}\n\t\tif !ok {"}}},
			"pkg/volume", "TestParseParametersRefuses"},
	}
}
