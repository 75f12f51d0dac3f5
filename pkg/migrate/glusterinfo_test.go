package migrate

import (
	"slices"
	"strings"
	"testing"
)

// volumeInfo is the output of gluster 10, without the parts that are not read.
const volumeInfo = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cliOutput>
  <opRet>0</opRet><opErrno>0</opErrno><opErrstr/>
  <volInfo><volumes>
    <volume>
      <name>archive</name><status>1</status>
      <bricks>
        <brick uuid="u">10.0.0.1:/bricks/a<name>10.0.0.1:/bricks/a</name><hostUuid>u</hostUuid></brick>
        <brick uuid="u">10.0.0.1:/bricks/b<name>10.0.0.1:/bricks/b</name><hostUuid>u</hostUuid></brick>
        <brick uuid="u">fd00::2:/bricks/a<name>fd00::2:/bricks/a</name><hostUuid>u</hostUuid></brick>
      </bricks>
    </volume>
    <volume><name>empty</name></volume>
    <count>2</count>
  </volumes></volInfo>
</cliOutput>`

func TestReadVolumeInfo(t *testing.T) {
	volumes, err := ReadVolumeInfo(strings.NewReader(volumeInfo))
	if err != nil {
		t.Fatal(err)
	}
	if len(volumes) != 2 || volumes[0].Name != "archive" || !slices.Equal(volumes[0].Servers, []string{"10.0.0.1", "fd00::2"}) {
		t.Errorf("%+v", volumes)
	}
	for _, tc := range []struct{ name, text, says string }{
		{"text", "Volume Name: archive", "this is not the output of gluster volume info --xml"},
		{"another document", "<a/>", "it has no opRet"},
		{"a failure", "<cliOutput><opRet>-1</opRet><opErrstr>Connection failed</opErrstr></cliOutput>", "Connection failed"},
		{"cut off", volumeInfo[:len(volumeInfo)/2], "this is not the output"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ReadVolumeInfo(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func FuzzReadVolumeInfo(f *testing.F) {
	f.Add(volumeInfo)
	f.Fuzz(func(t *testing.T, text string) {
		volumes, err := ReadVolumeInfo(strings.NewReader(text))
		for _, v := range volumes {
			if err != nil || slices.Contains(v.Servers, "") {
				t.Errorf("%v: %+v", err, v)
			}
		}
	})
}
