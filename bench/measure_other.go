//go:build !unix

package main

import (
	"errors"
	"os"
)

func peakOf(*os.ProcessState) int64  { return 0 }
func resetPeak(int) error            { return errors.ErrUnsupported }
func runningPeak(int) (int64, error) { return 0, errors.ErrUnsupported }
func settle()                        {}
