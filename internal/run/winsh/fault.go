package winsh

import (
	"fmt"
	"runtime"
	"strings"
)

// FaultError says that casement itself is wrong: something in it broke while it
// read or executed a step. Nothing of the step is kept.
type FaultError struct {
	// What is the panic's value.
	What string
	// At is the function that broke, with its file and line.
	At string
}

// Error implements error.
func (e *FaultError) Error() string { return "a fault of casement: " + e.What + ", in " + e.At }

// Hint says what to do.
func (e *FaultError) Hint() string {
	return "nothing of this step is kept; please report this line and the step, since it should not happen whatever the step says"
}

// caught turns a panic into the error of the function that defers it. A step is
// text of somebody else, and what breaks over it must name the step and must not
// end the other stages of a build.
func caught(err *error) {
	p := recover()
	if p == nil {
		return
	}
	*err = &FaultError{What: strings.Join(strings.Fields(fmt.Sprint(p)), " "), At: origin()}
}

// origin names the function of casement in which the panic that is being
// recovered began.
func origin() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	panicked := false
	for {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			panicked = panicked || f.Function == "runtime.gopanic"
		case panicked && strings.Contains(f.Function, "/casement/"):
			return fmt.Sprintf("%s (%s:%d)", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}
