package ps

import (
	"context"
	"strings"
)

// exceptionBases has the exceptions that catch blocks may name, each with its
// base behind the colon.
const exceptionBases = `System.SystemException:System.Exception
System.ApplicationException:System.Exception
System.ArgumentException:System.SystemException
System.ArgumentNullException:System.ArgumentException
System.ArgumentOutOfRangeException:System.ArgumentException
System.ArithmeticException:System.SystemException
System.DivideByZeroException:System.ArithmeticException
System.OverflowException:System.ArithmeticException
System.FormatException:System.SystemException
System.UriFormatException:System.FormatException
System.IndexOutOfRangeException:System.SystemException
System.InvalidCastException:System.SystemException
System.InvalidOperationException:System.SystemException
System.ObjectDisposedException:System.InvalidOperationException
System.NotImplementedException:System.SystemException
System.NotSupportedException:System.SystemException
System.NullReferenceException:System.SystemException
System.OutOfMemoryException:System.SystemException
System.TimeoutException:System.SystemException
System.TypeLoadException:System.SystemException
System.UnauthorizedAccessException:System.SystemException
System.OperationCanceledException:System.SystemException
System.AggregateException:System.Exception
System.Collections.Generic.KeyNotFoundException:System.SystemException
System.ComponentModel.Win32Exception:System.Runtime.InteropServices.ExternalException
System.Runtime.InteropServices.ExternalException:System.SystemException
System.Runtime.InteropServices.COMException:System.Runtime.InteropServices.ExternalException
System.IO.IOException:System.SystemException
System.IO.FileNotFoundException:System.IO.IOException
System.IO.FileLoadException:System.IO.IOException
System.IO.DirectoryNotFoundException:System.IO.IOException
System.IO.DriveNotFoundException:System.IO.IOException
System.IO.EndOfStreamException:System.IO.IOException
System.IO.PathTooLongException:System.IO.IOException
System.IO.InvalidDataException:System.SystemException
System.Net.WebException:System.InvalidOperationException
System.Net.Http.HttpRequestException:System.Exception
Microsoft.PowerShell.Commands.HttpResponseException:System.Net.Http.HttpRequestException
System.Net.ProtocolViolationException:System.InvalidOperationException
System.Net.Sockets.SocketException:System.ComponentModel.Win32Exception
System.Security.SecurityException:System.SystemException
System.Text.DecoderFallbackException:System.ArgumentException
System.Security.Authentication.AuthenticationException:System.SystemException
System.Security.Cryptography.CryptographicException:System.SystemException
System.Security.Principal.IdentityNotMappedException:System.SystemException
System.Threading.ThreadAbortException:System.SystemException
System.Xml.XmlException:System.SystemException
System.Text.RegularExpressions.RegexParseException:System.ArgumentException
System.Text.Json.JsonException:System.Exception
System.Management.Automation.RuntimeException:System.SystemException
System.Management.Automation.ActionPreferenceStopException:System.Management.Automation.RuntimeException
System.Management.Automation.CmdletInvocationException:System.Management.Automation.RuntimeException
System.Management.Automation.CommandNotFoundException:System.Management.Automation.RuntimeException
System.Management.Automation.ApplicationFailedException:System.Management.Automation.RuntimeException
System.Management.Automation.NativeCommandExitException:System.Management.Automation.RuntimeException
System.Management.Automation.ParameterBindingException:System.Management.Automation.RuntimeException
System.Management.Automation.ParameterBindingValidationException:System.Management.Automation.ParameterBindingException
System.Management.Automation.ParameterBindingArgumentTransformationException:System.Management.Automation.ParameterBindingException
System.Management.Automation.ParseException:System.Management.Automation.RuntimeException
System.Management.Automation.PipelineStoppedException:System.Management.Automation.RuntimeException
System.Management.Automation.RemoteException:System.Management.Automation.RuntimeException
System.Management.Automation.ScriptCallDepthException:System.SystemException
System.Management.Automation.ScriptRequiresException:System.Management.Automation.RuntimeException
System.Management.Automation.PropertyNotFoundException:System.Management.Automation.ExtendedTypeSystemException
System.Management.Automation.ExtendedTypeSystemException:System.Management.Automation.RuntimeException
System.Management.Automation.MethodException:System.Management.Automation.ExtendedTypeSystemException
System.Management.Automation.MethodInvocationException:System.Management.Automation.MethodException
System.Management.Automation.GetValueException:System.Management.Automation.ExtendedTypeSystemException
System.Management.Automation.GetValueInvocationException:System.Management.Automation.GetValueException
System.Management.Automation.SetValueException:System.Management.Automation.ExtendedTypeSystemException
System.Management.Automation.SetValueInvocationException:System.Management.Automation.SetValueException
System.Management.Automation.PSArgumentException:System.ArgumentException
System.Management.Automation.PSArgumentNullException:System.ArgumentNullException
System.Management.Automation.PSArgumentOutOfRangeException:System.ArgumentOutOfRangeException
System.Management.Automation.PSInvalidCastException:System.InvalidCastException
System.Management.Automation.PSInvalidOperationException:System.InvalidOperationException
System.Management.Automation.PSNotImplementedException:System.NotImplementedException
System.Management.Automation.PSNotSupportedException:System.NotSupportedException
System.Management.Automation.PSSecurityException:System.Management.Automation.RuntimeException
System.Management.Automation.MetadataException:System.Management.Automation.RuntimeException
System.Management.Automation.ValidationMetadataException:System.Management.Automation.MetadataException
System.Management.Automation.ArgumentTransformationMetadataException:System.Management.Automation.MetadataException
System.Management.Automation.ParentContainsErrorRecordException:System.SystemException
System.Management.Automation.SessionStateException:System.Management.Automation.RuntimeException
System.Management.Automation.SessionStateUnauthorizedAccessException:System.Management.Automation.SessionStateException
System.Management.Automation.ItemNotFoundException:System.Management.Automation.SessionStateException
System.Management.Automation.DriveNotFoundException:System.Management.Automation.SessionStateException
System.Management.Automation.ProviderNotFoundException:System.Management.Automation.SessionStateException
System.Management.Automation.ProviderInvocationException:System.Management.Automation.RuntimeException
System.Management.Automation.HaltCommandException:System.SystemException
Microsoft.PowerShell.Commands.WriteErrorException:System.SystemException
Microsoft.PowerShell.Commands.ServiceCommandException:System.SystemException
Microsoft.PowerShell.Commands.ProcessCommandException:System.SystemException`

// exceptionTypes are the types of exceptionBases and their root.
func exceptionTypes() []*Type {
	list := []*Type{{Name: "System.Exception", Members: exceptionMembers, New: exceptionNew("System.Exception")}}
	for line := range strings.SplitSeq(exceptionBases, "\n") {
		name, base, _ := strings.Cut(line, ":")
		list = append(list, &Type{Name: name, Base: base, New: exceptionNew(name)})
	}
	return list
}

func exceptionMembers() []Member {
	of := func(in *Invoke) *Exception { return in.Self.(*Exception) }
	data := func(name string) Member {
		return Prop(name, "object", func(_ context.Context, in *Invoke) (any, error) { return of(in).Data[name], nil })
	}
	return []Member{
		Prop("Message", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).Message, nil }),
		Prop("InnerException", "System.Exception", func(_ context.Context, in *Invoke) (any, error) {
			if x := of(in).Inner; x != nil {
				return x, nil
			}
			return nil, nil
		}),
		Prop("HResult", "int", func(_ context.Context, in *Invoke) (any, error) {
			if h := of(in).HResult; h != 0 {
				return h, nil
			}
			return int32(-2146233088), nil
		}),
		Prop("Source", "string", func(context.Context, *Invoke) (any, error) { return "System.Management.Automation", nil }),
		Prop("StackTrace", "string", func(_ context.Context, in *Invoke) (any, error) { return nil, nil }),
		Prop("HelpLink", "string", func(context.Context, *Invoke) (any, error) { return nil, nil }),
		Prop("Data", "System.Collections.IDictionary", func(context.Context, *Invoke) (any, error) { return &Hashtable{}, nil }),
		Prop("ErrorRecord", "System.Management.Automation.ErrorRecord", func(_ context.Context, in *Invoke) (any, error) {
			if r := of(in).Record; r != nil {
				return r, nil
			}
			return nil, nil
		}),
		data("FileName"), data("ParamName"), data("Response"), data("Status"), data("StatusCode"), data("ItemName"), data("CommandName"), data("ParameterName"),
		Method("GetBaseException", "System.Exception", O("", func(_ context.Context, in *Invoke) (any, error) {
			x := of(in)
			for x.Inner != nil {
				x = x.Inner
			}
			return x, nil
		})),
	}
}
