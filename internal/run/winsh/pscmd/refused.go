package pscmd

import (
	"slices"
	"strings"
	"sync"
)

// area is a group of commands that Windows has and that cannot be done here,
// for one reason.
type area struct {
	reason, way string
	// modules are names of modules, commands those of commands, both by blanks.
	modules, commands string
}

// areas lists the commands of Windows that are not here.
func areas() []area { return slices.Concat(softwareAreas(), systemAreas(), otherAreas()) }

// softwareAreas are those of software, accounts and what is installed.
func softwareAreas() []area {
	return []area{
		{
			reason: "it changes Windows itself, whose servicing does not run here", way: "start from a base image that has the feature",
			modules: "ServerManager DISM",
			commands: `Add-WindowsFeature Install-WindowsFeature Remove-WindowsFeature Uninstall-WindowsFeature Get-WindowsFeature
				Enable-WindowsOptionalFeature Disable-WindowsOptionalFeature Get-WindowsOptionalFeature Add-WindowsCapability Get-WindowsCapability
				Remove-WindowsCapability Add-WindowsPackage Get-WindowsPackage Remove-WindowsPackage Add-WindowsDriver Get-WindowsDriver Mount-WindowsImage
				Dismount-WindowsImage Expand-WindowsImage Get-WindowsImage New-WindowsImage Save-WindowsImage Get-WindowsEdition Repair-WindowsImage
				Add-AppxPackage Get-AppxPackage Remove-AppxPackage Add-AppxProvisionedPackage Get-AppxProvisionedPackage Remove-AppxProvisionedPackage
				Get-HotFix Get-WindowsUpdate Install-WindowsUpdate Get-WindowsUpdateLog Enable-WindowsErrorReporting Disable-WindowsErrorReporting`,
		},
		{
			reason: "IIS and its configuration do not run here", way: "COPY applicationHost.config into the image, or configure the site when the container starts",
			modules: "WebAdministration IISAdministration",
			commands: `New-Website Remove-Website Get-Website Set-Website Start-Website Stop-Website New-WebSite Get-WebSite New-WebApplication Remove-WebApplication
				Get-WebApplication ConvertTo-WebApplication New-WebAppPool Remove-WebAppPool Get-WebAppPoolState Start-WebAppPool Stop-WebAppPool Restart-WebAppPool
				New-WebBinding Get-WebBinding Set-WebBinding Remove-WebBinding New-WebVirtualDirectory Get-WebVirtualDirectory Remove-WebVirtualDirectory
				Add-WebConfiguration Get-WebConfiguration Set-WebConfiguration Clear-WebConfiguration Select-WebConfiguration Add-WebConfigurationProperty
				Get-WebConfigurationProperty Set-WebConfigurationProperty Remove-WebConfigurationProperty Add-WebConfigurationLock Remove-WebConfigurationLock
				Get-WebConfigFile Get-WebGlobalModule New-WebGlobalModule Enable-WebGlobalModule Disable-WebGlobalModule Get-WebManagedModule New-WebManagedModule
				Get-WebHandler New-WebHandler Set-WebHandler Remove-WebHandler Get-WebItemState Get-WebURL Backup-WebConfiguration Restore-WebConfiguration
				New-WebFtpSite Get-IISServerManager Start-IISCommitDelay Stop-IISCommitDelay Reset-IISServerManager Get-IISSite New-IISSite Remove-IISSite
				Start-IISSite Stop-IISSite Get-IISSiteBinding New-IISSiteBinding Remove-IISSiteBinding Get-IISAppPool Get-IISConfigSection
				Get-IISConfigCollection Get-IISConfigElement Get-IISConfigAttributeValue Set-IISConfigAttributeValue New-IISConfigCollectionElement
				Get-IISConfigCollectionElement Remove-IISConfigCollectionElement Remove-IISConfigElement Remove-IISConfigAttribute Start-WebCommitDelay Stop-WebCommitDelay`,
		},
		{
			reason: "the accounts of an image are in a database that only Windows writes", way: "use ContainerUser or ContainerAdministrator",
			modules: "Microsoft.PowerShell.LocalAccounts ActiveDirectory",
			commands: `New-LocalUser Set-LocalUser Get-LocalUser Remove-LocalUser Rename-LocalUser Enable-LocalUser Disable-LocalUser New-LocalGroup Set-LocalGroup
				Get-LocalGroup Remove-LocalGroup Rename-LocalGroup Add-LocalGroupMember Get-LocalGroupMember Remove-LocalGroupMember glu nlu rlu slu rnlu elu dlu glg nlg rlg slg rnlg algm glgm rlgm Add-Computer Remove-Computer
				Rename-Computer Reset-ComputerMachinePassword Test-ComputerSecureChannel Get-ADUser New-ADUser Get-ADGroup Get-ADComputer`,
		},
		{
			reason: noServices, way: startLater,
			commands: `Get-Service Start-Service Stop-Service Restart-Service Suspend-Service Resume-Service
				gsv sasv spsv`,
		},
		{
			reason: "certificates are kept in stores that only Windows writes", way: "COPY the certificate into the image and import it when the container starts",
			modules: "PKI PKIClient",
			commands: `New-SelfSignedCertificate Import-PfxCertificate Export-PfxCertificate Import-Certificate Export-Certificate Get-Certificate Get-PfxData
				Get-PfxCertificate Test-Certificate Switch-Certificate Get-CertificateNotificationTask
				New-FileCatalog Test-FileCatalog Protect-CmsMessage Unprotect-CmsMessage Get-CmsMessage Add-CertificateEnrollmentPolicyServer`,
		},
		{
			reason: "signatures are checked against certificates that only Windows has", way: "compare the hash of the file",
			commands: `Get-AuthenticodeSignature Set-AuthenticodeSignature`,
		},
		{
			reason: "it installs software from the gallery, which brings code that only PowerShell runs", way: "COPY a script into the image, or install it in a Windows stage built elsewhere",
			modules: "PowerShellGet PackageManagement Microsoft.PowerShell.PSResourceGet",
			commands: `Install-Module Update-Module Uninstall-Module Save-Module Find-Module Get-InstalledModule Publish-Module Install-Script Save-Script Find-Script
				Get-InstalledScript Update-Script Uninstall-Script New-ModuleManifest Update-ModuleManifest Register-PSRepository Set-PSRepository Get-PSRepository
				Unregister-PSRepository Install-PackageProvider Get-PackageProvider Find-PackageProvider Import-PackageProvider Install-Package Find-Package
				Get-Package Save-Package Uninstall-Package Register-PackageSource Set-PackageSource Get-PackageSource Unregister-PackageSource
				Install-PSResource Find-PSResource Get-PSResource Save-PSResource Update-PSResource Uninstall-PSResource Register-PSResourceRepository
				Get-PSResourceRepository Set-PSResourceRepository Find-Command Find-DscResource Find-RoleCapability
				inmo upmo fimo pumo`,
		},
	}
}

// systemAreas are further areas: of the computer and of PowerShell itself.
func systemAreas() []area {
	return []area{
		{
			reason: noWMI, way: noWMIWay,
			modules: "CimCmdlets",
			commands: `Set-WmiInstance Invoke-WmiMethod Remove-WmiObject Register-WmiEvent Set-CimInstance New-CimInstance
				Remove-CimInstance Invoke-CimMethod Get-CimClass Get-CimAssociatedInstance New-CimSession Get-CimSession Remove-CimSession Register-CimIndicationEvent
				Get-ComputerInfo Get-Counter Import-Counter Export-Counter swmi iwmi rwmi scim ncim rcim icim gcls gcai ncms gcms rcms rcie gin`,
		},
		{
			reason: "the task scheduler does not run here", way: "start the program when the container starts",
			modules: "ScheduledTasks PSScheduledJob",
			commands: `Register-ScheduledTask New-ScheduledTask New-ScheduledTaskAction New-ScheduledTaskTrigger New-ScheduledTaskPrincipal New-ScheduledTaskSettingsSet
				Get-ScheduledTask Set-ScheduledTask Start-ScheduledTask Stop-ScheduledTask Enable-ScheduledTask Disable-ScheduledTask Unregister-ScheduledTask
				Export-ScheduledTask Register-ScheduledJob Get-ScheduledJob Unregister-ScheduledJob New-JobTrigger Get-JobTrigger`,
		},
		{
			reason: "the network of a container is configured by its host", way: "configure it when the container is started",
			modules: "NetAdapter NetTCPIP NetSecurity DnsClient NetConnection NetNat SmbShare",
			commands: `Test-Connection Test-NetConnection Resolve-DnsName Get-NetIPAddress New-NetIPAddress Set-NetIPAddress Remove-NetIPAddress Get-NetIPConfiguration
				Get-NetAdapter Set-NetAdapter Enable-NetAdapter Disable-NetAdapter Get-NetRoute New-NetRoute Remove-NetRoute Get-NetIPInterface Set-NetIPInterface
				Get-DnsClientServerAddress Set-DnsClientServerAddress Clear-DnsClientCache Get-DnsClient Set-DnsClient Get-NetTCPConnection Get-NetUDPEndpoint
				New-NetFirewallRule Set-NetFirewallRule Get-NetFirewallRule Remove-NetFirewallRule Enable-NetFirewallRule Disable-NetFirewallRule
				Set-NetFirewallProfile Get-NetFirewallProfile New-NetNat Get-NetNat New-SmbShare Get-SmbShare Remove-SmbShare New-SmbMapping Get-SmbMapping
				Grant-SmbShareAccess Get-NetConnectionProfile Set-NetConnectionProfile New-WebServiceProxy Send-MailMessage`,
		},
		{
			reason: "it needs other computers or sessions with them", way: "run the commands here",
			modules: "Microsoft.WSMan.Management",
			commands: `Enter-PSSession Exit-PSSession New-PSSession Get-PSSession Remove-PSSession Connect-PSSession Disconnect-PSSession Receive-PSSession
				Import-PSSession Export-PSSession Enable-PSRemoting Disable-PSRemoting New-PSSessionOption New-PSTransportOption Register-PSSessionConfiguration
				Unregister-PSSessionConfiguration Get-PSSessionConfiguration Set-PSSessionConfiguration Enable-PSSessionConfiguration Disable-PSSessionConfiguration
				New-PSSessionConfigurationFile Test-WSMan Set-WSManQuickConfig Enable-WSManCredSSP Disable-WSManCredSSP Get-WSManInstance Set-WSManInstance
				etsn exsn nsn gsn rsn ipsn epsn cnsn dnsn rcsn npssc nwsn
				New-WSManInstance Remove-WSManInstance Connect-WSMan Disconnect-WSMan New-WSManSessionOption Invoke-WSManAction Get-PSHostProcessInfo Enter-PSHostProcess`,
		},
		{
			reason: "nothing runs beside the script", way: "run the commands one after the other",
			modules: "ThreadJob PSWorkflow",
			commands: `Start-Job Get-Job Wait-Job Receive-Job Remove-Job Stop-Job Suspend-Job Resume-Job Debug-Job Start-ThreadJob Register-ObjectEvent Register-EngineEvent
				Get-Event New-Event Remove-Event Wait-Event Get-EventSubscriber Unregister-Event Debug-Process Get-Runspace Debug-Runspace Enable-RunspaceDebug
				Disable-RunspaceDebug Get-RunspaceDebug Wait-Debugger New-PSWorkflowSession New-PSWorkflowExecutionOption sajb gjb rcjb rjb spjb wjb rujb sujb`,
		},
		{
			reason: "the computer is a container that is being built", way: "leave it out",
			commands: `Restart-Computer Stop-Computer Set-Date Set-TimeZone Get-TimeZone gtz stz Checkpoint-Computer Restore-Computer Get-ComputerRestorePoint Enable-ComputerRestore
				Disable-ComputerRestore Set-WinSystemLocale Set-WinUserLanguageList Set-WinUILanguageOverride Set-WinHomeLocation Set-Culture Get-WinSystemLocale
				Get-WinUserLanguageList Get-Uptime Set-MpPreference Add-MpPreference Get-MpPreference Remove-MpPreference Get-MpComputerStatus Start-MpScan
				Update-MpSignature Set-ProcessMitigation Get-ProcessMitigation Suspend-BitLocker Enable-BitLocker Get-BitLockerVolume Get-Tpm`,
		},
		{
			reason: "event logs are not kept", way: "write to a file or to the output",
			commands: `Get-EventLog New-EventLog Write-EventLog Clear-EventLog Limit-EventLog Remove-EventLog Show-EventLog Get-WinEvent New-WinEvent`,
		},
	}
}

// otherAreas are the rest.
func otherAreas() []area {
	return []area{
		{
			reason: "disks and volumes are the host's", way: "use directories of drive C:",
			modules: "Storage",
			commands: `Get-Disk Initialize-Disk Clear-Disk Set-Disk Get-Partition New-Partition Remove-Partition Resize-Partition Set-Partition Format-Volume Get-Volume
				Optimize-Volume Repair-Volume Mount-DiskImage Dismount-DiskImage Get-DiskImage Mount-VHD Dismount-VHD New-VHD Get-VHD Get-PhysicalDisk
				New-StoragePool Get-StoragePool Get-FileStorageTier`,
		},
		{
			reason: "there is nobody to answer", way: "make the object with New-Object PSCredential",
			commands: `Get-Credential pause`,
		},
		{
			reason: "help is not installed in containers", way: "look it up in the documentation",
			commands: `Update-Help Save-Help help man`,
		},
		{
			reason: "there is no desktop", way: "leave it out",
			commands: `Out-GridView ogv Out-Printer lp Show-Command shcm Show-ControlPanelItem Get-ControlPanelItem Get-Clipboard Set-Clipboard gcb scb Show-Markdown
				Get-PrinterDriver Get-Printer Add-Printer Add-PrinterDriver Add-PrinterPort Remove-Printer Get-PrinterPort`,
		},
		{
			reason: "Desired State Configuration does not run here", way: "do the changes with commands",
			modules: "PSDesiredStateConfiguration",
			commands: `Configuration Start-DscConfiguration Get-DscConfiguration Test-DscConfiguration Invoke-DscResource Get-DscResource Set-DscLocalConfigurationManager
				Get-DscLocalConfigurationManager Update-DscConfiguration Publish-DscConfiguration Remove-DscConfigurationDocument New-DscChecksum`,
		},
		{
			reason: "it is about the inside of PowerShell", way: "leave it out",
			commands: `Set-PSBreakpoint Get-PSBreakpoint Remove-PSBreakpoint Enable-PSBreakpoint Disable-PSBreakpoint Trace-Command Get-TraceSource Set-TraceSource
				Start-Transcript Stop-Transcript Update-TypeData Remove-TypeData Get-TypeData Update-FormatData Get-FormatData Export-FormatData New-Module
				Export-ModuleMember New-PSRoleCapabilityFile Test-ModuleManifest Test-ScriptFileInfo New-ScriptFileInfo Update-ScriptFileInfo Register-ArgumentCompleter
				Add-PSSnapin Get-PSSnapin Remove-PSSnapin Export-Console Add-History Clear-History Invoke-History Export-Alias Import-Alias Get-PSCallStack Get-Verb
				Enable-ExperimentalFeature Disable-ExperimentalFeature Get-ExperimentalFeature Switch-Process Set-MarkdownOption Get-MarkdownOption ConvertFrom-Markdown
				Import-LocalizedData ConvertFrom-SddlString Format-Custom Format-Hex fhx fc Update-List Get-PSReadLineOption Set-PSReadLineOption Remove-PSReadLineKeyHandler
				Set-PSReadLineKeyHandler Start-Transaction Complete-Transaction Undo-Transaction Use-Transaction Get-Transaction
				ConvertTo-ProcessMitigationPolicy Compress-PSResource ConvertTo-CliXml ConvertFrom-CliXml prompt oss TabExpansion2 ImportSystemModules nmo sbp gbp rbp ebp dbp trcm asnp gsnp rsnp clhy ihy epal ipal ise`,
		},
		{
			reason: "it guesses how texts are to be taken apart", way: "use -split, -match or Select-String",
			commands: `ConvertFrom-String Convert-String`,
		},
		{
			reason: "it needs the containers and virtual machines of a host", way: "leave it out",
			modules: "Hyper-V HNS HostNetworkingService",
			commands: `Get-VM New-VM Start-VM Stop-VM Remove-VM Set-VM New-VMSwitch Get-VMSwitch Get-ComputeProcess Stop-ComputeProcess Get-HnsNetwork New-HnsNetwork
				Remove-HnsNetwork Get-HnsEndpoint Get-HnsPolicyList`,
		},
		{
			reason: "a background transfer needs a service that does not run here", way: "use Start-BitsTransfer without -Asynchronous, or Invoke-WebRequest",
			commands: `Get-BitsTransfer Complete-BitsTransfer Resume-BitsTransfer Suspend-BitsTransfer Set-BitsTransfer Remove-BitsTransfer Add-BitsFile`,
		},
	}
}

// refusals are the areas by name, in lower case.
var refusals = sync.OnceValue(func() map[string]area {
	m := map[string]area{}
	for _, a := range areas() {
		for _, name := range strings.Fields(a.commands) {
			m[strings.ToLower(name)] = a
		}
	}
	return m
})

// Refused gives the reason for a command that Windows has and that cannot be
// done here, by its name in lower case, for [ps.Config].
func Refused(name string) (reason, way string, ok bool) {
	a, ok := refusals()[name]
	return a.reason, a.way, ok
}

// refusedModule gives the reason for a module.
func refusedModule(name string) (reason, way string, ok bool) {
	for _, a := range areas() {
		for _, m := range strings.Fields(a.modules) {
			if strings.EqualFold(m, name) {
				return a.reason, a.way, true
			}
		}
	}
	return "", "", false
}
