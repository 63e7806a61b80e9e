# Says hello, and on which Windows.
$os = Get-CimInstance -ClassName Win32_OperatingSystem
Write-Output "$env:GREETING"
Write-Output "$($os.Caption), build $($os.BuildNumber), on $env:COMPUTERNAME"
