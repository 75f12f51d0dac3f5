package e2e

import "github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"

const singleClassName = "single"

// singleClass is a class whose volumes have one brick, the fastest to create.
const singleClass = `---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: ` + singleClassName + `}
provisioner: ` + driver.Name + `
allowVolumeExpansion: true
parameters: {backend: ` + driver.Backend + `, volumetype: none}
`
