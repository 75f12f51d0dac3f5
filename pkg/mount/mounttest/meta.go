package mounttest

import (
	"io/fs"
	"testing/fstest"
)

// Meta returns the .meta directory of a client as glusterfs 10 shows it. The parameter connected holds the value of "connected"
// for each brick, the parameter sets the value of "up" for each replica set, and the parameter below the bricks of each set.
func Meta(connected map[string]string, sets map[string]string, below map[string][]string) fstest.MapFS {
	const graph = "graphs/active"
	meta := fstest.MapFS{
		graph + "/top":          {Mode: fs.ModeSymlink, Data: []byte("vol")},
		graph + "/volfile":      {Data: []byte("volume vol\n")},
		graph + "/vol/type":     {Data: []byte("debug/io-stats\n")},
		graph + "/vol-dht/type": {Data: []byte("cluster/distribute\n")},
	}
	for name, value := range connected {
		dir := graph + "/" + name
		meta[dir+"/type"] = &fstest.MapFile{Data: []byte("protocol/client\n")}
		meta[dir+"/private"] = &fstest.MapFile{Data: []byte("[xlator.protocol.client." + name + ".priv]\nconnected = " + value + "\ntotal_bytes_read = 1\n")}
		meta[dir+"/options/remote-host"] = &fstest.MapFile{Data: []byte("10.0.0.1\n")}
		meta[dir+"/options/remote-subvolume"] = &fstest.MapFile{Data: []byte("/b/" + name + "/brick\n")}
	}
	for name, value := range sets {
		dir := graph + "/" + name
		meta[dir+"/type"] = &fstest.MapFile{Data: []byte("cluster/replicate\n")}
		meta[dir+"/private"] = &fstest.MapFile{Data: []byte("[cluster/replicate." + name + "]\nchild_up[0] = 0\nup = " + value + "\n")}
		for i, brick := range below[name] {
			link := dir + "/subvolumes/" + string(rune('0'+i))
			meta[link] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../" + brick)}
		}
	}
	return meta
}
