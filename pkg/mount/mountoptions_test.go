package mount

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOptions(t *testing.T) {
	for _, c := range []struct {
		flags     string
		canonical string
		args      string
	}{
		{"", "", ""},
		{"ro", "ro", "--read-only"},
		{"rw _netdev nofail auto defaults relatime nodiratime transport=tcp fetch-attempts=5", "", ""},
		{"x-systemd.automount,x-systemd.requires=/mnt/a x-systemd.mount-timeout=5min,x-gvfs-show X-other=$(reboot) comment=$(reboot)", "", ""},
		{"acl selinux worm resolve-gids", "acl,resolve-gids,selinux,worm", "--acl --resolve-gids --selinux --worm"},
		{"acl=true", "acl", "--acl"}, // as glusterfs itself shows it
		{"nosuid noatime nodev noexec", "noatime,noexec", "--fuse-mountopts=noatime,noexec"},
		{"suid noatime dev", "noatime,suid", "--fuse-mountopts=noatime,suid"},
		{"attribute-timeout=030 entry-timeout=0", "attribute-timeout=30,entry-timeout=0", "--attribute-timeout=30 --entry-timeout=0"},
		{"attribute-timeout=30 attribute-timeout=030", "attribute-timeout=30", "--attribute-timeout=30"},
		{"fopen-keep-cache", "fopen-keep-cache=on", "--fopen-keep-cache=on"},
		{"use-readdirp=No event-history=TRUE", "event-history=on,use-readdirp=off", "--event-history=on --use-readdirp=off"},
		{"direct-io-mode=enable", "direct-io-mode=on", "--direct-io-mode=on"},
		{"log-level=error", "log-level=ERROR", ""},
		{"server-port=24107", "volfile-server-port=24107", "--volfile-server-port=24107"},
		{"backup-volfile-servers=b:[FD00::1]:b:c", "backup-volfile-servers=b:[fd00::1]:c", ""},
		{"backupvolfile-server=c backup-volfile-servers=b:c", "backup-volfile-servers=c:b", ""},
		{"backupvolfile-server=a:b:c", "backup-volfile-servers=a:b:c", ""},
		{"backup-volfile-servers=10.0.0.1,10.0.0.2", "backup-volfile-servers=10.0.0.1:10.0.0.2", ""},
		{"backup-volfile-servers=fd00::1,b:[fd00::2],c", "backup-volfile-servers=[fd00::1]:b:[fd00::2]:c", ""},
		{"ro,noatime,acl", "acl,noatime,ro", "--acl --read-only --fuse-mountopts=noatime"},
		{"backup-volfile-servers=a,b,acl,log-level=INFO", "acl,backup-volfile-servers=a:b,log-level=INFO", "--acl"},
		{"backup-volfile-servers=a,x-systemd.automount,log-file=/x backup-volfile-servers=b,c", "backup-volfile-servers=a:b:c", ""},
	} {
		o, err := ParseOptions(strings.Fields(c.flags))
		if err != nil {
			t.Errorf("%q: %v", c.flags, err)
			continue
		}
		if o.String() != c.canonical || strings.Join(o.ClientArgs(), " ") != c.args {
			t.Errorf("%q: %q and %q, want %q and %q", c.flags, o, o.ClientArgs(), c.canonical, c.args)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for flag, want := range map[string]string{
		"":                                   "an empty option",
		"ro,,noatime":                        "an empty option",
		"backup-volfile-servers=a,":          "an empty option",
		"ro,noatme":                          `mount flag "noatme": this option is unknown; did you mean noatime? See docs/parameters.md#mountoptions`,
		"backup_volfile_servers=a":           "did you mean backup-volfile-servers",
		"backup-volfile-servers=a,dump-fuse": `mount flag "dump-fuse": this option is not allowed`,
		"backup-volfile-servers=a,b=c":       `mount flag "b": this option is unknown`,
		"log-level=\"INFO\"":                 `the character '"' is not allowed`,
		"ro noatime":                         `the character ' '`,
		"ro;reboot":                          `the character ';'`,
		"acl=$(reboot)":                      `the character '$'`,
		"$(reboot)":                          `the character '$'`,
		"acl\x00":                            `the character '\x00'`,
		"-o":                                 "is unknown",
		"--acl":                              "is unknown",
		"frobnicate=1":                       `mount flag "frobnicate": this option is unknown; see docs/parameters.md#mountoptions`,
		"context=system_u:object_r:tmp_t:s0": "selinux keeps the labels",
		"fuse-mountopts=suid":                "write the mount flag itself",
		"xlator-option=transport.x=y":        "which data is mounted, or who may reach it; options of the volume belong in volumeoptions",
		"volume-id=other":                    "which data is mounted",
		"volfile-id=other":                   "which data is mounted",
		"volfile-server=other":               "backup-volfile-servers adds servers",
		"capability":                         "who may reach it",
		"subdir-mount=x":                     "name the directory with the volume",
		"dump-fuse=/x":                       "files of the node; log-level=DEBUG",
		"oom-score-adj=1":                    "does not work with it",
		"io-engine":                          "does not work with it",
		"attribute-timeout":                  "a whole number from 0 to 86400",
		"attribute-timeout=-1":               "a whole number from 0 to 86400",
		"attribute-timeout=1.5":              "a whole number from 0 to 86400",
		"attribute-timeout=86401":            "a whole number from 0 to 86400",
		"lru-limit=99999999999999999999":     "a whole number",
		"server-port=80":                     "a whole number from 1024 to 65535",
		"use-readdirp=maybe":                 "allowed are on and off",
		"use-readdirp=":                      "allowed are on and off",
		"direct-io-mode=x":                   "allowed are auto, disable, enable, off, on",
		"log-level=LOUD":                     "allowed are TRACE, DEBUG",
		"acl=1":                              "it takes no value",
		"transport=rdma":                     "allowed are socket, tcp",
		"backup-volfile-servers=":            "empty",
		"backup-volfile-servers=a:":          "empty",
		"backup-volfile-servers=fd00::1":     "write IPv6 addresses in brackets",
		"backup-volfile-servers=[fd00::1":    "brackets are only for an IPv6 address",
		"backup-volfile-servers=[fd00::1]b":  `a colon must follow "[fd00::1]"`,
		"backup-volfile-servers=a:-b":        "neither a host name nor an address",
	} {
		_, err := ParseOptions([]string{flag})
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", flag, err, want)
		}
	}
	for _, pair := range [][]string{{"ro", "rw"}, {"rw", "ro"}, {"attribute-timeout=1", "attribute-timeout=2"}, {"server-port=24107", "volfile-server-port=24108"}} {
		if _, err := ParseOptions(pair); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", pair, err)
		}
	}
}

func TestOptionsAnswerQuestions(t *testing.T) {
	o, err := ParseOptions([]string{"ro", "log-level=debug", "server-port=24107", "backup-volfile-servers=b:[fd00::1]:c"})
	if err != nil {
		t.Fatal(err)
	}
	if !o.ReadOnly() || o.LogLevel() != "DEBUG" || o.Port() != 24107 || !slices.Equal(o.BackupServers(), []string{"b", "fd00::1", "c"}) {
		t.Errorf("%v %v %v %v", o.ReadOnly(), o.LogLevel(), o.Port(), o.BackupServers())
	}
	var none Options
	if none.ReadOnly() || none.LogLevel() != "" || none.Port() != 24007 || none.BackupServers() != nil || none.ClientArgs() != nil {
		t.Error("no options have values")
	}
}

func TestOptionsJSON(t *testing.T) {
	for _, flags := range [][]string{nil, {"ro"}, {"noatime", "backup-volfile-servers=b:[fd00::1]"}} {
		o, err := ParseOptions(flags)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back Options
		if err := json.Unmarshal(data, &back); err != nil || back.String() != o.String() {
			t.Errorf("%s: %q, %v", data, back, err)
		}
	}
	var o Options
	if err := json.Unmarshal([]byte(`"ro"`), &o); err == nil {
		t.Error("a string was accepted as a list")
	}
	// Options that another version allowed are kept, but no client gets them.
	others := `["acl","lru-limit=all","new-option=1","xlator-option=a.b=c"]`
	if err := json.Unmarshal([]byte(others), &o); err != nil || o.String() != "acl,lru-limit=all,new-option=1,xlator-option=a.b=c" {
		t.Errorf("%q, %v", o, err)
	}
	if args := o.ClientArgs(); !slices.Equal(args, []string{"--acl"}) {
		t.Errorf("the client gets %q", args)
	}
	if data, err := json.Marshal(o); err != nil || string(data) != others {
		t.Errorf("written again as %s, %v", data, err)
	}
}

// TestIgnoredOptions: options without effect here are named once, and are neither stored nor compared.
func TestIgnoredOptions(t *testing.T) {
	o, err := ParseOptions([]string{"noatime,log-file=/var/log/x", "auto_unmount", "log-file=/y", "nofail,x-systemd.automount", "volfile-max-fetch-attempts=3"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"auto_unmount", "log-file", "volfile-max-fetch-attempts"}; !slices.Equal(o.Ignored(), want) {
		t.Errorf("ignored are %q, want %q", o.Ignored(), want)
	}
	plain, err := ParseOptions([]string{"noatime"})
	if err != nil {
		t.Fatal(err)
	}
	if difference := (Source{Options: o}).Outdated(Source{Options: plain}); difference {
		t.Errorf("ignored options make a difference")
	}
	data, err := json.Marshal(o)
	if err != nil || string(data) != `["noatime"]` {
		t.Errorf("%s, %v", data, err)
	}
}

// TestFlagErrors: an error never repeats the value of an unknown option, and is short whatever the flag is.
func TestFlagErrors(t *testing.T) {
	for _, flag := range []string{"password=SECRET", "user=joe,password=SECRET", "xlator-option=SECRET", "p;q=SECRET", "backup-volfile-servers=a,password=SECRET"} {
		if _, err := ParseOptions([]string{flag}); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", flag, err)
		}
	}
	for _, flag := range []string{strings.Repeat("x", 1<<16), "log-level=" + strings.Repeat("x", 1<<16)} {
		if _, err := ParseOptions([]string{flag}); err == nil || len(err.Error()) > 300 {
			t.Errorf("%.20q: %d bytes", flag, len(err.Error()))
		}
	}
}

func TestLoggable(t *testing.T) {
	for flag, want := range map[string]string{
		"noatime":                          "noatime",
		"log-level=INFO, acl":              "log-level=INFO,acl",
		"backup-volfile-servers=a,b,c=d":   "backup-volfile-servers=a,b,c=***",
		"password=SECRET":                  "password=***",
		"comment=SECRET,x-key=SECRET=":     "comment=***,x-key=***",
		"xlator-option=SECRET,log-file=/x": "xlator-option=***,log-file=***",
		"":                                 "",
	} {
		if got := Loggable(flag, "***"); got != want {
			t.Errorf("%q: %q, want %q", flag, got, want)
		}
	}
}

// TestOptionTable: every option of the table can be used, and refused options are not in the table.
func TestOptionTable(t *testing.T) {
	for name, r := range optionTable() {
		if refusal(name) != "" {
			t.Errorf("%s is both allowed and refused", name)
		}
		if r.alias != "" && optionTable()[r.alias].parse == nil {
			t.Errorf("%s is an alias of nothing", name)
		}
		if r.exclude != "" && optionTable()[r.exclude].exclude != name {
			t.Errorf("%s excludes %s, but not the other way round", name, r.exclude)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	for _, seed := range []string{"ro noatime", "attribute-timeout=1", "backup-volfile-servers=a:[fd00::1]", "log-level=info acl", "xlator-option=a.b=c", "ro,rw", "x y;z", "backup-volfile-servers=a,b,acl,fd00::1", "log-file=/x,x-a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flags := strings.Split(text, " ")
		o, err := ParseOptions(flags)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, arg := range o.ClientArgs() {
			if !strings.HasPrefix(arg, "--") || strings.ContainsAny(arg, " \t\n\"'`$;&|<>\\()*?#~!{}\x00") {
				t.Errorf("%q gives argument %q", text, arg)
			}
		}
		back, err := ParseOptions(strings.FieldsFunc(o.String(), func(r rune) bool { return r == ',' }))
		if err != nil || back.String() != o.String() {
			t.Errorf("%q: %q is not canonical: %q, %v", text, o, back, err)
		}
		if len(back.Ignored()) > 0 {
			t.Errorf("%q: %q has options that are ignored", text, o)
		}
		if diff := cmp.Diff(o.BackupServers(), back.BackupServers()); diff != "" {
			t.Error(diff)
		}
	})
}
