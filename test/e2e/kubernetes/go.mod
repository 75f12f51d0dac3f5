// Only marks this directory as a module: build.sh takes requirements from the file of the wanted version, such as 1.30.mod.
module github.com/glusterfs-csi/glusterfs-csi/test/e2e/kubernetes

go 1.26.0
