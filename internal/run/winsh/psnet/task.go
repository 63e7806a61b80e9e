package psnet

import (
	"context"
	"time"

	"github.com/casement/casement/internal/run/winsh/ps"
)

const taskType = "System.Threading.Tasks.Task"

// task is the Data of a Task: something that has been done already, since
// nothing runs beside the script.
type task struct {
	value any
	err   error
}

// later makes a method that returns a Task of one that does its work at once.
// What no script can catch ends the step here and now.
func later(f run) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		v, err := f(ctx, in)
		if err != nil && !isException(err) && !isWindows(err) {
			return nil, err
		}
		return in.Session.Object(taskType, &task{v, err}), nil
	}
}

// wait is the exception of a task that failed: an AggregateException.
func (t *task) wait(s *ps.Session) error {
	if t.err == nil {
		return nil
	}
	inner := ps.ToException(t.err)
	x := ps.NewException("System.AggregateException", either(s, "One or more errors occurred.", "One or more errors occurred. ("+inner.Message+")"))
	x.Inner = inner
	return x
}

func (t *task) canceled() bool {
	return t.err != nil && ps.ToException(t.err).Type == "System.Threading.Tasks.TaskCanceledException"
}

// taskTypes are tasks and what stops them.
func taskTypes() []*ps.Type {
	const source, token = "System.Threading.CancellationTokenSource", "System.Threading.CancellationToken"
	return []*ps.Type{
		{Name: taskType, Members: taskMembers, Implements: []string{"System.IDisposable"}},
		{Name: "System.Runtime.CompilerServices.TaskAwaiter", Members: func() []ps.Member {
			data := self[*task]
			return []ps.Member{
				method("GetResult", "System.Object", can(func(in *ps.Invoke) (any, error) {
					if data(in).value == nil && data(in).err == nil {
						return ps.Empty(), nil
					}
					return data(in).value, data(in).err
				}), ""),
				prop("IsCompleted", "bool", func(*ps.Invoke) any { return true }),
			}
		}},
		names("System.Threading.Tasks.TaskStatus", "Created", "WaitingForActivation", "WaitingToRun", "Running", "WaitingForChildrenToComplete", "RanToCompletion", "Canceled", "Faulted"),
		{
			Name: source, Implements: []string{"System.IDisposable"}, Members: cancelMembers,
			New: overloads(val(func(in *ps.Invoke) any {
				c := &canceler{}
				if len(in.Args) > 0 {
					c.after(in.Session, in.Args[0])
				}
				return in.Session.Object(source, c)
			}), "", "int millisecondsDelay", "timespan delay"),
		},
		{Name: token, Value: true, Members: func() []ps.Member {
			data := self[*canceler]
			return []ps.Member{
				field("None", token, func(in *ps.Invoke) any { return in.Session.Object(token, &canceler{}) }),
				prop("IsCancellationRequested", "bool", func(in *ps.Invoke) any { return data(in).done(in.Session) }),
				prop("CanBeCanceled", "bool", func(*ps.Invoke) any { return true }),
				method("ThrowIfCancellationRequested", "void", do(func(in *ps.Invoke) error {
					if data(in).done(in.Session) {
						return throw("System.OperationCanceledException", "The operation was canceled.")
					}
					return nil
				}), ""),
			}
		}},
	}
}

func taskMembers() []ps.Member {
	data := self[*task]
	return []ps.Member{
		ps.Prop("Result", "System.Object", can(func(in *ps.Invoke) (any, error) { return data(in).value, data(in).wait(in.Session) })),
		method("Wait", "void", do(func(in *ps.Invoke) error { return data(in).wait(in.Session) }), ""),
		method("Wait", "bool", can(func(in *ps.Invoke) (any, error) { return true, data(in).wait(in.Session) }), "int millisecondsTimeout", "timespan timeout"),
		method("GetAwaiter", "System.Runtime.CompilerServices.TaskAwaiter", val(func(in *ps.Invoke) any {
			return in.Session.Object("System.Runtime.CompilerServices.TaskAwaiter", data(in))
		}), ""),
		method("ConfigureAwait", taskType, val(func(in *ps.Invoke) any { return in.Self }), "bool continueOnCapturedContext"),
		method("Dispose", "void", nothing, ""),
		prop("IsCompleted", "bool", func(*ps.Invoke) any { return true }),
		prop("IsFaulted", "bool", func(in *ps.Invoke) any { return data(in).err != nil && !data(in).canceled() }),
		prop("IsCanceled", "bool", func(in *ps.Invoke) any { return data(in).canceled() }),
		only(ps.Core, prop("IsCompletedSuccessfully", "bool", func(in *ps.Invoke) any { return data(in).err == nil }))[0],
		prop("Status", "System.Threading.Tasks.TaskStatus", func(in *ps.Invoke) any {
			n := int64(5)
			if data(in).canceled() {
				n = 6
			} else if data(in).err != nil {
				n = 7
			}
			return in.Session.Enum("System.Threading.Tasks.TaskStatus", n)
		}),
		prop("Exception", "System.AggregateException", func(in *ps.Invoke) any {
			if err := data(in).wait(in.Session); err != nil {
				return err
			}
			return nil
		}),
		field("CompletedTask", taskType, func(in *ps.Invoke) any { return in.Session.Object(taskType, &task{}) }),
		static("FromResult", taskType, val(func(in *ps.Invoke) any { return in.Session.Object(taskType, &task{value: in.Args[0]}) }), "System.Object result"),
		static("Delay", taskType, func(ctx context.Context, in *ps.Invoke) (any, error) {
			return in.Session.Object(taskType, &task{}), sleep(ctx, spanArg(in, 0))
		}, "int millisecondsDelay", "timespan delay"),
		static("WaitAll", "void", do(func(in *ps.Invoke) error {
			for _, v := range ps.Items(in.Args[0]) {
				if o, ok := ps.Unwrap(v).(*ps.Object); ok {
					if t, ok := o.Data.(*task); ok && t.err != nil {
						return t.wait(in.Session)
					}
				}
			}
			return nil
		}), "params "+taskType+"[] tasks"),
		refusedStatic("nothing runs beside the script", "call the method itself", "Run")[0],
	}
}

// spanArg is an argument in milliseconds or a TimeSpan.
func spanArg(in *ps.Invoke, i int) time.Duration { return spanOf(in.Args[i]) }

func spanOf(v any) time.Duration {
	if t, ok := ps.Unwrap(v).(ps.TimeSpan); ok {
		return t.Duration()
	}
	return time.Duration(intOf(v)) * time.Millisecond
}

// canceler is the Data of a CancellationTokenSource and its tokens.
type canceler struct {
	canceled bool
	deadline time.Time
}

func (c *canceler) after(s *ps.Session, v any) {
	if d := spanOf(v); d >= 0 {
		c.deadline = time.Now().Add(d)
	}
}

func (c *canceler) done(*ps.Session) bool {
	return c.canceled || !c.deadline.IsZero() && time.Now().After(c.deadline)
}

func cancelMembers() []ps.Member {
	data := self[*canceler]
	return []ps.Member{
		prop("Token", "System.Threading.CancellationToken", func(in *ps.Invoke) any {
			return in.Session.Object("System.Threading.CancellationToken", data(in))
		}),
		prop("IsCancellationRequested", "bool", func(in *ps.Invoke) any { return data(in).done(in.Session) }),
		method("Cancel", "void", do(func(in *ps.Invoke) error { data(in).canceled = true; return nil }), "", "bool throwOnFirstException"),
		method("CancelAfter", "void", do(func(in *ps.Invoke) error { data(in).after(in.Session, in.Args[0]); return nil }), "int millisecondsDelay", "timespan delay"),
		method("Dispose", "void", nothing, ""),
	}
}
