package mount

import "testing"

func TestWithDefaults(t *testing.T) {
	for name, tt := range map[string]struct {
		options, defaults []string
		want              string
	}{
		"nothing":              {nil, nil, ""},
		"only defaults":        {nil, []string{"noatime", "acl"}, "acl,noatime"},
		"only options":         {[]string{"noatime", "acl"}, nil, "acl,noatime"},
		"both":                 {[]string{"noatime"}, []string{"lru-limit=0", "worm"}, "lru-limit=0,noatime,worm"},
		"another value":        {[]string{"lru-limit=1", "acl"}, []string{"lru-limit=0", "worm"}, "acl,lru-limit=1,worm"},
		"the same value":       {[]string{"lru-limit=1"}, []string{"lru-limit=1"}, "lru-limit=1"},
		"under its other name": {[]string{"server-port=24008"}, []string{"volfile-server-port=24009"}, "volfile-server-port=24008"},
		"similar names":        {[]string{"attribute-timeout=1"}, []string{"attr-times-granularity=1"}, "attr-times-granularity=1,attribute-timeout=1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, tt.options).WithDefaults(parse(t, tt.defaults))
			if got.String() != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if same := parse(t, got.items); same.String() != got.String() {
				t.Errorf("%q is not canonical: %q", got, same)
			}
		})
	}
}

func parse(t *testing.T, flags []string) Options {
	t.Helper()
	o, err := ParseOptions(flags)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
