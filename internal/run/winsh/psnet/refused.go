package psnet

import (
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// refusals are types that Windows has and that cannot be used here: for each
// reason the way out, and the types, with aliases behind a bar.
func refusals() []struct{ reason, way, types string } {
	return []struct{ reason, way, types string }{
		{"WMI needs Windows", "use the registry, the file system or $env:", `System.Management.ManagementObject|wmi System.Management.ManagementClass|wmiclass System.Management.ManagementObjectSearcher|wmisearcher System.Management.ManagementScope System.Management.ManagementPath
			System.Management.ManagementDateTimeConverter Microsoft.Management.Infrastructure.CimSession|cimsession`},
		{"services do not run during a build", "use sc.exe create or New-Service to write them", "System.ServiceProcess.ServiceBase"},
		{"the account database of the image is not read", "use ContainerAdministrator or ContainerUser", `System.DirectoryServices.DirectoryEntry|adsi System.DirectoryServices.DirectorySearcher|adsisearcher System.DirectoryServices.AccountManagement.PrincipalContext
			System.DirectoryServices.AccountManagement.UserPrincipal System.DirectoryServices.AccountManagement.GroupPrincipal`},
		{"stores of certificates are Windows' own", "give the build the certificate to trust, or import it when the container starts", `System.Security.Cryptography.X509Certificates.X509Certificate|X509Certificate
			System.Security.Cryptography.X509Certificates.X509Certificate2 System.Security.Cryptography.X509Certificates.X509Store System.Security.Cryptography.X509Certificates.X509Certificate2Collection
			System.Security.Cryptography.X509Certificates.X509Chain System.Security.Cryptography.X509Certificates.StoreName System.Security.Cryptography.X509Certificates.StoreLocation
			System.Security.Cryptography.X509Certificates.X509KeyStorageFlags System.Security.Cryptography.X509Certificates.OpenFlags`},
		{"keys and ciphers are not made in a build", "use RUN --mount=type=secret for what is secret", `System.Security.Cryptography.Aes System.Security.Cryptography.AesManaged System.Security.Cryptography.AesCryptoServiceProvider
			System.Security.Cryptography.RijndaelManaged System.Security.Cryptography.RSA System.Security.Cryptography.RSACryptoServiceProvider System.Security.Cryptography.ProtectedData System.Security.Cryptography.DataProtectionScope
			System.Security.Cryptography.Rfc2898DeriveBytes System.Security.Cryptography.TripleDESCryptoServiceProvider System.Security.Cryptography.CryptoStream System.Security.Cryptography.MACTripleDES`},
		{"there is no desktop", "leave it out", `System.Windows.Forms.MessageBox System.Windows.Forms.SendKeys System.Windows.Forms.Form System.Windows.Forms.Clipboard System.Windows.Forms.Screen System.Windows.Forms.Application
			System.Windows.MessageBox System.Windows.Clipboard System.Windows.Markup.XamlReader Microsoft.VisualBasic.Interaction System.Media.SoundPlayer System.Media.SystemSounds System.Speech.Synthesis.SpeechSynthesizer`},
		{"pictures and fonts are Windows' own", "copy the file into the image", `System.Drawing.Bitmap System.Drawing.Image System.Drawing.Graphics System.Drawing.Font System.Drawing.Color System.Drawing.Icon System.Drawing.Text.InstalledFontCollection System.Drawing.Text.PrivateFontCollection`},
		{"a build's network speaks HTTP only", "download over https", `System.Net.Sockets.TcpClient System.Net.Sockets.UdpClient System.Net.Sockets.Socket System.Net.Sockets.TcpListener System.Net.FtpWebRequest System.Net.HttpListener System.Net.Mail.SmtpClient System.Net.Mail.MailMessage
			System.Net.NetworkInformation.Ping System.Net.NetworkInformation.NetworkInterface System.Net.NetworkInformation.IPGlobalProperties System.Net.WebSockets.ClientWebSocket System.Net.Security.SslStream System.IO.Pipes.NamedPipeServerStream
			System.IO.Pipes.NamedPipeClientStream`},
		{"nothing runs beside the script", "run the code in the script itself", `System.Management.Automation.PowerShell|powershell System.Management.Automation.Runspaces.Runspace|runspace System.Management.Automation.Runspaces.RunspaceFactory|runspacefactory
			System.Management.Automation.Runspaces.InitialSessionState|initialsessionstate System.Threading.ThreadPool System.Threading.Timer System.Timers.Timer System.ComponentModel.BackgroundWorker System.Threading.Tasks.Parallel
			System.IO.FileSystemWatcher System.Threading.ManualResetEvent System.Threading.AutoResetEvent System.Threading.EventWaitHandle System.Threading.Mutex System.Threading.Semaphore`},
		{"event logs and counters are Windows' own", "write to the output", "System.Diagnostics.EventLog System.Diagnostics.EventLogEntryType System.Diagnostics.PerformanceCounter System.Diagnostics.Eventing.Reader.EventLogReader"},
		{"databases are not reached in a build", "run the statements when the container starts", "System.Data.SqlClient.SqlConnection System.Data.SqlClient.SqlCommand System.Data.OleDb.OleDbConnection System.Data.Odbc.OdbcConnection Microsoft.SqlServer.Management.Smo.Server"},
		{"IIS does not run during a build", "write its configuration files", "Microsoft.Web.Administration.ServerManager"},
		{"C# is not compiled", "write it in PowerShell", `Microsoft.CSharp.CSharpCodeProvider System.CodeDom.Compiler.CompilerParameters System.Reflection.Emit.AssemblyBuilder System.Reflection.Emit.DynamicMethod System.Runtime.InteropServices.DllImportAttribute`},
		{"its methods are generic", "use Where-Object, Sort-Object and Select-Object", "System.Linq.Enumerable"},
	}
}

func refusedTypes() []*ps.Type {
	var list []*ps.Type
	for _, r := range refusals() {
		for word := range strings.FieldsSeq(r.types) {
			name, alias, ok := strings.Cut(word, "|")
			t := &ps.Type{Name: name, Refuse: r.reason, Way: r.way}
			if ok {
				t.Aliases = []string{alias}
			}
			list = append(list, t)
		}
	}
	return list
}
