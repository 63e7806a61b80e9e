//go:build !linux

package source

// capability returns nothing: only Linux has file capabilities.
func capability(string) map[string]string { return nil }
