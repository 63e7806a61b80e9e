package source

import "golang.org/x/sys/unix"

// capability returns the file capabilities of a program, nil if it has none.
func capability(name string) map[string]string {
	var buf [64]byte // the kernel's largest form has 24 bytes
	n, err := unix.Lgetxattr(name, capabilityName, buf[:])
	if err != nil || n <= 0 {
		return nil
	}
	return map[string]string{capabilityName: string(buf[:n])}
}
