package ps

import "context"

// exceptionNew are the constructors of a type of exceptions.
func exceptionNew(typ string) []Overload {
	list := []Overload{
		exceptionOf("", func(*Invoke, *Exception) {}),
		exceptionOf("string message, System.Exception innerException", func(in *Invoke, x *Exception) {
			x.Message = in.String(0)
			x.Inner, _ = in.Args[1].(*Exception)
		}),
	}
	message := func(in *Invoke, x *Exception) { x.Message = in.String(0) }
	switch typ {
	case "System.ArgumentException":
		return append(list, exceptionOf("string message", message), exceptionOf("string message, string paramName", func(in *Invoke, x *Exception) {
			x.Message = in.String(0)
			in.nameParam(x, in.String(1))
		}))
	case "System.ArgumentNullException", "System.ArgumentOutOfRangeException":
		list = append(list, exceptionOf("string paramName", func(in *Invoke, x *Exception) { in.nameParam(x, in.String(0)) }),
			exceptionOf("string paramName, string message", func(in *Invoke, x *Exception) {
				x.Message = in.String(1)
				in.nameParam(x, in.String(0))
			}))
		if typ == "System.ArgumentNullException" {
			return list
		}
		return append(list, exceptionOf("string paramName, System.Object actualValue, string message", func(in *Invoke, x *Exception) {
			x.Message = in.String(2)
			in.nameParam(x, in.String(0))
			if !IsNull(in.Args[1]) {
				x.Message += "\r\nActual value was " + in.Session.ToString(in.Args[1]) + "."
			}
		}))
	case "System.ObjectDisposedException":
		name := func(in *Invoke, x *Exception) {
			if len(in.Args) == 2 {
				x.Message = in.String(1)
			}
			if object := in.String(0); object != "" {
				x.Message += "\r\nObject name: '" + object + "'."
			}
		}
		return append(list[1:], exceptionOf("string objectName", name), exceptionOf("string objectName, string message", name))
	case "System.IO.FileNotFoundException":
		list = append(list, exceptionOf("string message, string fileName", func(in *Invoke, x *Exception) {
			x.Message, x.Data = in.String(0), map[string]any{"FileName": in.String(1)}
		}))
	}
	return append(list, exceptionOf("string message", message))
}

// exceptionOf is a constructor.
func exceptionOf(params string, fill func(in *Invoke, x *Exception)) Overload {
	return O(params, func(_ context.Context, in *Invoke) (any, error) {
		x := NewException(in.Type.Name, defaultMessage(in.Type.Name))
		fill(in, x)
		return x, nil
	})
}

// nameParam says which parameter of a method an exception is about.
func (in *Invoke) nameParam(x *Exception, name string) {
	x.Data = map[string]any{"ParamName": name}
	switch {
	case name == "":
	case in.Session.edition == Core:
		x.Message += " (Parameter '" + name + "')"
	default:
		x.Message += "\r\nParameter name: " + name
	}
}

// defaultMessage is what .NET says where an exception is made without a message.
func defaultMessage(typ string) string {
	switch typ {
	case "System.ArgumentException":
		return "Value does not fall within the expected range."
	case "System.ArgumentNullException":
		return "Value cannot be null."
	case "System.ArgumentOutOfRangeException":
		return "Specified argument was out of the range of valid values."
	case "System.ObjectDisposedException":
		return "Cannot access a disposed object."
	case "System.InvalidOperationException":
		return "Operation is not valid due to the current state of the object."
	case "System.NotSupportedException":
		return "Specified method is not supported."
	case "System.NotImplementedException":
		return "The method or operation is not implemented."
	case "System.InvalidCastException":
		return "Specified cast is not valid."
	case "System.FormatException":
		return "One of the identified items was in an invalid format."
	case "System.OverflowException":
		return "Arithmetic operation resulted in an overflow."
	case "System.DivideByZeroException":
		return "Attempted to divide by zero."
	case "System.IndexOutOfRangeException":
		return "Index was outside the bounds of the array."
	case "System.NullReferenceException":
		return "Object reference not set to an instance of an object."
	case "System.TimeoutException":
		return "The operation has timed out."
	case "System.UnauthorizedAccessException":
		return "Attempted to perform an unauthorized operation."
	case "System.IO.IOException":
		return "I/O error occurred."
	case "System.IO.FileNotFoundException":
		return "Unable to find the specified file."
	case "System.IO.DirectoryNotFoundException":
		return "Attempted to access a path that is not on the disk."
	case "System.SystemException":
		return "System error."
	case "System.ApplicationException":
		return "Error in the application."
	}
	return "Exception of type '" + typ + "' was thrown."
}
