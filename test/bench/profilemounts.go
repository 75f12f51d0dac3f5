package main

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// profileMounts mounts a default volume with mount(8), and a volume of each profile with the driver. remove unmounts and removes
// all of them.
func (b *bench) profileMounts(ctx context.Context) (plain string, ours []string, remove func(context.Context) error, err error) {
	v, err := b.create(ctx, b.name("default"))
	if err != nil {
		return "", nil, nil, err
	}
	its, err := b.place("default")
	if err != nil {
		return "", nil, nil, err
	}
	if _, err := timed(ctx, b.lab.Node(1), 1, b.mountCommand(v, its.staging)); err != nil {
		return "", nil, nil, err
	}
	volumes := map[place]*csi.Volume{}
	for _, profile := range profiles() {
		mine, err := b.place(profile)
		if err != nil {
			return "", nil, nil, err
		}
		if volumes[mine], err = b.createWith(ctx, b.name(profile), map[string]string{"volumetype": "replicate:3", "profile": profile}); err != nil {
			return "", nil, nil, err
		}
		if err := b.stage(ctx, volumes[mine], mine); err != nil {
			return "", nil, nil, err
		}
		ours = append(ours, mine.staging)
	}
	remove = func(ctx context.Context) error {
		if _, err := timed(ctx, b.lab.Node(1), 1, []string{"umount", its.staging}); err != nil {
			return err
		}
		for mine, v := range volumes {
			if err := b.unstage(ctx, v, mine); err != nil {
				return err
			}
			if err := b.remove(ctx, v); err != nil {
				return err
			}
		}
		if err := b.quiet(ctx); err != nil {
			return err
		}
		return b.remove(ctx, v)
	}
	return its.staging, ours, remove, nil
}
