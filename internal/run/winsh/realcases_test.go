package winsh_test

// The places of the lines below: repositories of the corpus.
const (
	scherer  = "StefanScherer/dockerfiles-windows/"
	stoneman = "sixeyed/docker-on-windows/"
	dotnet   = "dotnet/dotnet-docker/src/"
	sitecore = "Sitecore/docker-images/build/legacy/"
	teamcity = "JetBrains/teamcity-docker-images/context/generated/windows/"
	library  = "docker-library/"
	fluent   = "fluent/fluentd-docker-image/"
)

// The insides of archives that several lines ask for.
const (
	minGit  = "LICENSE.txt|cmd/|cmd/git.exe|etc/gitconfig|mingw64/bin/git.exe|mingw64/share/"
	runtime = "./LICENSE.txt|./dotnet.exe|./host/fxr/1/hostfxr.dll|./shared/Microsoft.NETCore.App/1/System.dll"
	aspnet  = "./|" + runtime + "|./shared/Microsoft.AspNetCore.App/1/|./shared/Microsoft.AspNetCore.App/1/Kestrel.dll"
	jdk     = "jdk-1/|jdk-1/bin/java.exe|jdk-1/lib/src.zip|jdk-1/release"
)

// realCases are the lines that are executed. What they download is made up, with
// the shape that the lines expect.
func realCases() []realCase {
	var all []realCase
	for _, some := range [][]realCase{cmdCases(), dotnetCases(), downloadCases(), moreDownloadCases(), archiveCases(), envCases(), fileCases(), otherCases()} {
		all = append(all, some...)
	}
	return all
}

func cmdCases() []realCase {
	return []realCase{
		{file: scherer + "hugo/Dockerfile.1809", lines: []int{3, 4}, serve: map[string]string{"hugo*": "LICENSE|README.md|hugo.exe"}},
		{file: scherer + "portainer/Dockerfile", lines: []int{4, 5}, serve: map[string]string{"portainer*": "portainer/|portainer/portainer.exe|portainer/public/index.html"}},
		{file: "LiteLDev/docker-levilamina-server/windows/Dockerfile", lines: []int{7}, seed: "Users/ContainerUser/data/lip-windows-amd64.zip=zip:LICENSE;README.md;lip.exe;lipd.exe"},
		{file: scherer + "curl/Dockerfile", lines: []int{5}, seed: `curl/curl.cab=cab:AMD64/CURL.EXE;AMD64/LIBCURL.DLL;CURL.LIC;I386/CURL.EXE`},
		{file: scherer + "compose/in-docker/Dockerfile", lines: []int{12, 15}, seed: "Python37/lib/site-packages/docker/transport/__init__.py"},
		{file: scherer + "busybox/Dockerfile", lines: []int{7, 11}},
		{file: "spiffe/spire/Dockerfile.windows", lines: []int{5, 6}},
		{file: stoneman + "ch02/ch02-fs-1/Dockerfile", lines: []int{4}},
		{file: stoneman + "ch02/ch02-fs-2/Dockerfile", lines: []int{2}, seed: "data/file1.txt"},
		{file: scherer + "jenkins-swarm-agent/Dockerfile", lines: []int{6, 7}},
		{file: scherer + "procmon/Dockerfile", lines: []int{3}},
		{file: scherer + "chown/Dockerfile", lines: []int{6}, seed: "test1/a.txt"},
		{file: scherer + "golang-issue-18555/Dockerfile", lines: []int{10}, texts: map[string]string{"go/src/make.bat": "@echo off\r\nsetlocal\r\nset GOROOT_BOOTSTRAP=%CD%\\boot\r\nmd out 2>nul\r\nfor %%t in (go gofmt) do echo %%t from %GOROOT_BOOTSTRAP%>out\\%%t.txt\r\nif not exist out\\go.txt exit /b 1\r\n"}},
		{file: teamcity + "Agent/nanoserver/2022/Dockerfile", lines: []int{42, 89, 103}, seed: "BuildAgent/conf/buildAgent.properties|BuildAgent/conf/buildAgent.dist.properties|BuildAgent/conf/sub/x.txt|BuildAgent/bin/agent.bat"},
		{file: teamcity + "MinimalAgent/nanoserver/1809/Dockerfile", lines: []int{23, 86}},
	}
}

func dotnetCases() []realCase {
	sums := map[string]string{"*-sha.txt": "={sha512:aspnetcore-runtime-8.0.30-win-x64.zip}  aspnetcore-runtime-8.0.30-win-x64.zip\n{sha512:dotnet-runtime-8.0.30-win-x64.zip}  dotnet-runtime-8.0.30-win-x64.zip\n",
		"aspnetcore-runtime-*.zip": aspnet, "dotnet-runtime-*.zip": runtime}
	plain := map[string]string{"aspnetcore-runtime-*.zip": aspnet, "dotnet-runtime-*.zip": runtime}
	return []realCase{
		{file: dotnet + "sdk/10.0/nanoserver-ltsc2022/amd64/Dockerfile", lines: []int{9, 85}, serve: map[string]string{"MinGit*": minGit}},
		{file: dotnet + "aspnet/8.0/nanoserver-1809/amd64/Dockerfile", lines: []int{9}, serve: sums},
		{file: dotnet + "aspnet/10.0/nanoserver-ltsc2022/amd64/Dockerfile", lines: []int{9}, serve: plain},
		{file: dotnet + "aspnet/11.0/nanoserver-ltsc2025/amd64/Dockerfile", lines: []int{9}, serve: plain},
		{file: dotnet + "runtime/8.0/nanoserver-1809/amd64/Dockerfile", lines: []int{7}, serve: sums},
		{file: dotnet + "runtime/10.0/nanoserver-ltsc2022/amd64/Dockerfile", lines: []int{7, 43}, serve: plain},
	}
}

func downloadCases() []realCase {
	return []realCase{
		{file: scherer + "perl/Dockerfile", lines: []int{6}, serve: map[string]string{"strawberry*": "perl/bin/perl.exe|perl/site/bin/|c/bin/gcc.exe|README.txt"}},
		{file: scherer + "git-for-windows-issue/Dockerfile", lines: []int{6}, serve: map[string]string{"MinGit*": minGit}},
		{file: scherer + "consul/Dockerfile", lines: []int{5}, serve: map[string]string{"consul*": "consul/consul.exe"}},
		{file: scherer + "caddy/Dockerfile", lines: []int{5}, serve: map[string]string{"caddy*": "caddy.exe|init/|init/linux-systemd/caddy.service"}},
		{file: scherer + "xterm/Dockerfile.insider", lines: []int{4}, serve: map[string]string{"gvim*": "vim/vim80/vim.exe|vim/vim80/doc/help.txt"}},
		{file: scherer + "node-consul/Dockerfile", lines: []int{4}, serve: map[string]string{"consul*": "consul.exe"}},
		{file: scherer + "node-consul-env/Dockerfile", lines: []int{7}, serve: map[string]string{"consul*": "consul.exe", "envconsul*": "envconsul.exe"}},
		{file: scherer + "serverspec/test/Dockerfile", lines: []int{4}},
		{file: scherer + "CVE-2017-0290/Dockerfile", lines: []int{3}, serve: map[string]string{"attachment": "=var a = 1;\n"}},
		{file: "LacledesLAN/SteamCMD/windows.Dockerfile", lines: []int{19}, serve: map[string]string{"steamcmd.zip": "steamcmd.exe"}},
		{file: "rancher/flannel-cni/Dockerfile-windows", lines: []int{5, 17}, serve: map[string]string{"binaries.zip": "bin/flannel.exe|bin/host-local.exe|dist/flanneld.exe"}},
		{file: "Azure/azure-functions-docker/host/3.0/nanoserver/1903/dotnet.Dockerfile", lines: []int{9}, serve: map[string]string{"dotnet-sdk*": "dotnet.exe|sdk/3/MSBuild.dll|LICENSE.txt"}},
		{file: "Azure/azure-functions-docker/test/test-win.Dockerfile", lines: []int{10}, args: map[string]string{"CONTENT_URL": "https://files.example/content.zip"}},
		{file: scherer + "golang/Dockerfile.1809", lines: []int{8, 31, 47}, serve: map[string]string{"go*": "go/|go/VERSION|go/bin/go.exe|go/src/fmt/print.go", "MinGit*": minGit}},
		{file: scherer + "elasticsearch/windowsservercore/Dockerfile", lines: []int{8}},
		{file: scherer + "java/openjdk/azul/windowsservercore/Dockerfile", lines: []int{10}},
		{file: scherer + "nanoserverapiscan/Dockerfile", lines: []int{6, 14}},
		{file: scherer + "iisnode/Dockerfile", lines: []int{9}, serve: map[string]string{"node-*": "node-v6.9.1-win-x64/node.exe|node-v6.9.1-win-x64/npm.cmd"}},
		{file: scherer + "java/openjdk/ojdkbuild/windowsservercore/Dockerfile", lines: []int{11}},
		{file: scherer + "java/openjdk/ojdkbuild/nanoserver/Dockerfile", lines: []int{16, 28}, args: map[string]string{"WINDOWS_DOCKER_TAG": "1803"}},
	}
}

func moreDownloadCases() []realCase {
	return []realCase{
		{file: scherer + "postgres/Dockerfile", lines: []int{7, 21}, serve: map[string]string{"postgresql*": "pgsql/|pgsql/bin/postgres.exe|pgsql/share/a b.txt"}},
		{file: scherer + "elasticsearch/nanoserver/Dockerfile", lines: []int{8}},
		{file: scherer + "diskspd/Dockerfile", lines: []int{7}, serve: map[string]string{"Diskspd*": "amd64fre/diskspd.exe|armfre/diskspd.exe|x86fre/diskspd.exe|Docs.docx|Docs.pdf|Docs.pdfx"}},
		{file: scherer + "node/10/Dockerfile", lines: []int{33, 56, 72}, serve: map[string]string{"node-*": "node-v10.19.0-win-x64/|node-v10.19.0-win-x64/node.exe|node-v10.19.0-win-x64/node_modules/npm/package.json", "MinGit*": minGit},
			texts: map[string]string{"SHASUMS256.txt.asc": "{sha256:node-v10.19.0-win-x64.zip}  node-v10.19.0-win-x64.zip\n0000  node-v10.19.0-win-x86.zip\n"}},
		{file: sitecore + "variants/9.2.0/windowsservercore/jss/sitecore-jss-cm/Dockerfile", lines: []int{12}},
		{file: scherer + "docker-cli/Dockerfile", lines: []int{7, 11}},
		{file: scherer + "apache/Dockerfile", lines: []int{8}, serve: map[string]string{"httpd*": "Apache24/bin/httpd.exe|Apache24/conf/httpd.conf|readme_first.html"}},
		{file: scherer + "jenkins/Dockerfile", lines: []int{8, 9}},
		{file: sitecore + "images/9.0.1 rev. 171219/nanoserver/sitecore-solr/Dockerfile", lines: []int{15, 25, 46}, serve: map[string]string{"solr*": "solr-6/bin/solr.cmd|solr-6/server/solr/configsets/a.xml|solr-6/server/solr/solr.xml|solr-6/server/solr/zoo.cfg"}},
		{file: scherer + "swarm/Dockerfile", lines: []int{12, 19}, serve: map[string]string{"MinGit*": minGit}},
		{file: stoneman + "ch10/ch10-jenkins-base/Dockerfile", lines: []int{8, 12}},
		{file: stoneman + "ch10/ch10-gogs/Dockerfile", lines: []int{7, 10}},
		{file: "nats-io/nats-docker/2.10.x/windowsservercore-ltsc2022/Dockerfile", lines: []int{11, 13}, serve: map[string]string{"nats-server*": "nats-server-v2.10.29-windows-amd64/LICENSE|nats-server-v2.10.29-windows-amd64/nats-server.exe"}},
		{file: stoneman + "ch01/ch01-dockertls/Dockerfile", lines: []int{9}, serve: map[string]string{"libressl*": "libressl-2.5.5-windows/x64/openssl.exe|libressl-2.5.5-windows/x64/openssl.pdb|libressl-2.5.5-windows/x64/sub/deep.txt|libressl-2.5.5-windows/x86/openssl.exe"}},
		{file: scherer + "dockertls/Dockerfile", lines: []int{9}, serve: map[string]string{"libressl*": "libressl-2.5.5-windows/x64/openssl.exe|libressl-2.5.5-windows/x64/openssl.pdb|libressl-2.5.5-windows/x86/openssl.exe"}},
		{file: scherer + "fossa/Dockerfile", lines: []int{20, 25}, serve: map[string]string{"fossa*": "fossa.exe|README.md"}},
		{file: scherer + "prometheus/Dockerfile", lines: []int{9, 15, 18}, seed: "prometheus-2.2.0.windows-amd64/prometheus.exe"},
		{file: scherer + "openssh/Dockerfile", lines: []int{6, 12}, texts: map[string]string{"install-openssh.ps1": "$dir = Join-Path $env:ProgramFiles OpenSSH\r\nNew-Item -ItemType Directory $dir | Out-Null\r\nSet-Content \"$dir\\sshd_config\" 'Port 22'\r\n"},
			serve: map[string]string{"spinner*": "spinner_v1.0.8.exe"}},
		{file: teamcity + "Agent/nanoserver/1803/Dockerfile", lines: []int{23}, args: map[string]string{"powershellImage": "base.example/powershell", "dotnetWindowsComponent": "https://files.example/dotnet.zip"}, serve: map[string]string{"dotnet.zip": "dotnet.exe|sdk/nuGetPackagesArchive.lzma|sdk/deep/er.lzma|sdk/lzma.txt"}},
		{file: teamcity + "Server/nanoserver/1803/Dockerfile", lines: []int{26, 36, 45}, args: map[string]string{"powershellImage": "base.example/powershell", "jdkServerWindowsComponent": "https://files.example/jdk.zip", "gitWindowsComponent": "https://files.example/git.zip", "windowsBuild": "1803"}, serve: map[string]string{"jdk.zip": jdk, "git.zip": minGit}},
		{file: teamcity + "MinimalAgent/nanoserver/1803/Dockerfile", lines: []int{26}, args: map[string]string{"powershellImage": "base.example/powershell", "jdkWindowsComponent": "https://files.example/jdk.zip"}, serve: map[string]string{"jdk.zip": jdk},
			texts: map[string]string{"BuildAgent/system/.teamcity-agent/unpacked-plugins.xml": "<plugins>\n  <plugin path=\"plugins/a/b\" />\n</plugins>\n"}},
	}
}

func archiveCases() []realCase {
	return []realCase{
		{file: scherer + "mongo/3.6/Dockerfile", lines: []int{10, 11, 13, 20, 24}, serve: map[string]string{"mongodb*": "mongodb-win32-x86_64-2008plus-ssl-3.6.5/bin/mongod.exe|mongodb-win32-x86_64-2008plus-ssl-3.6.5/bin/libeay32.dll|mongodb-win32-x86_64-2008plus-ssl-3.6.5/bin/mongod.pdb|mongodb-win32-x86_64-2008plus-ssl-3.6.5/README"},
			seed: "Windows/System32/msvcp140.dll|Windows/System32/vccorlib140.dll|Windows/System32/vcruntime140.dll"},
		{file: scherer + "longpath/Dockerfile", lines: []int{8, 11, 14}, seed: "longpath.zip=zip:subfolders-1/subfolders-2/subfolders-7/README.md;subfolders-1/README.md"},
		{file: sitecore + "images/9.1.0 rev. 001564/windowsservercore/sitecore-xp-base/Dockerfile", lines: []int{12}, seed: "install/Sitecore 9.1 (WDP).zip=zip:XP0 Configuration files 9.1.zip=zip:createcert.json,sitecore-solr.json;Sitecore_single.scwdp.zip|install/license.xml"},
		{file: sitecore + "images/9.1.0 rev. 001564/windowsservercore/sitecore-xp-base/Dockerfile", lines: []int{21}},
		{file: sitecore + "images/9.0.2 rev. 180604/windowsservercore/sitecore-xp-standalone/Dockerfile", lines: []int{12}, seed: "install/Sitecore 9.0.2 (WDP).zip=zip:XP0 Configuration files 9.0.2.zip=zip:sitecore-XP0.json=@sif;Sitecore 9.0.2 (OnPrem)_single.scwdp.zip|install/license.xml"},
		{file: sitecore + "images/7.5 rev. 150212/windowsservercore/sitecore/Dockerfile", lines: []int{8}, seed: "Sitecore 7.5 rev. 150212.zip=zip:Sitecore 7.5 rev. 150212/Data/logs/log.txt;Sitecore 7.5 rev. 150212/Data/license.xml;Sitecore 7.5 rev. 150212/Databases/a.mdf;Sitecore 7.5 rev. 150212/Website/web.config"},
		{file: sitecore + "images/7.5 rev. 150212/windowsservercore/sitecore-sqldev/Dockerfile", lines: []int{13}, shell: powershellBase(), seed: "Sitecore 7.5 rev. 150212.zip=zip:Sitecore 7.5 rev. 150212/Databases/a.mdf;Sitecore 7.5 rev. 150212/Website/web.config"},
		{file: sitecore + "images/9.1.1 rev. 002459/nanoserver/sitecore-xp-solr/Dockerfile", lines: []int{32}, seed: "install/x.zip=zip:XP0 Configuration files.zip=zip:sitecore-solr.json;a_xconnect.scwdp.zip=zip:Content/schema.json,Content/web.config"},
	}
}

// sifConfig is a configuration with comments, which JSON does not have.
const sifConfig = `// A comment.
{
    // Another one.
    "Parameters": { "Package": { "Type": "string", "Description": "it's <big> & \"new\"" } },
    "Variables": { "Site.PhysicalPath": "[joinpath('a', 'b')]", "Empty": [], "None": null, "N": 1.50, "Yes": true },
    "Tasks": { "InstallWDP": { "Type": "WebDeploy", "Params": { "Verb": "Sync", "Arguments": { "Source": "[parameter('Package')]", "One": [ "only" ] } } } }
}
`

// powershellBase is the SHELL of a base that has PowerShell.
func powershellBase() []string {
	return []string{"powershell", "-Command", "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue';"}
}

func envCases() []realCase {
	return []realCase{
		{file: "adoptium/containers/11/jdk/windows/nanoserver-ltsc2022/Dockerfile", lines: []int{29}},
		{file: scherer + "mongo/3.4/enterprise/Dockerfile", lines: []int{27}},
		{file: scherer + "node/10/nano/Dockerfile", lines: []int{72}},
		{file: scherer + "nodejs-node-8897/libuv/Dockerfile.from.scratch", lines: []int{11}},
		{file: stoneman + "ch10/ch10-jenkins/Dockerfile", lines: []int{11}},
		{file: scherer + "java/openjdk/redhat/nanoserver/Dockerfile", lines: []int{12}},
		{file: library + "openjdk/27/windows/windowsservercore-ltsc2022/Dockerfile", lines: []int{15, 27}, keys: `Control\SecurityProviders\SCHANNEL\Protocols`},
		{file: library + "docker/29/windows/windowsservercore-ltsc2022/Dockerfile", lines: []int{13}},
		{file: scherer + "serverspec/Dockerfile", lines: []int{12}, keys: `Control\Session Manager\DOS Devices`},
	}
}

func fileCases() []realCase {
	return []realCase{
		{file: fluent + "v1.10/windows/Dockerfile", lines: []int{10, 29}, seed: "ruby26/lib/ruby/gems/2.6.0/cache/oj.gem|ruby26/lib/ruby/gems/2.6.0/cache/keep.txt|ruby26/lib/ruby/gems/2.6.0/gems/oj.gem|ProgramData/chocolatey/bin/choco.exe",
			serve: map[string]string{"install.ps1": "=$dir = Join-Path $env:ProgramData 'chocolatey\\lib'\nif (-not (Test-Path $dir)) { New-Item $dir -ItemType Directory | Out-Null }\n[Environment]::SetEnvironmentVariable('ChocolateyInstall', \"$env:ProgramData\\chocolatey\", 'Machine')\n"}},
		{file: fluent + "v1.2/windows/Dockerfile", lines: []int{29}, seed: "ruby24/lib/ruby/gems/2.4.0/cache/oj.gem|ruby24/lib/ruby/gems/2.4.0/cache/json.gem|ProgramData/chocolatey/bin/choco.exe"},
		{file: sitecore + "variants/9.2.0/nanoserver/sxa/sitecore-xm1-sxa-1.9.0-solr/Dockerfile", lines: []int{16, 21}, seed: "clean/sc_master_index/conf/schema.xml|clean/sc_master_index/core.properties|clean/sc_web_index/conf/schema.xml|temp/managed-schema"},
		{file: sitecore + "variants/9.1.1/windowsservercore/jss/sitecore-xm1-jss-11.0.1-cm/Dockerfile", lines: []int{44}, seed: "install/Sitecore JavaScript Services Server for Sitecore 9.1.1 XM 11.0.1 rev. 190318.scwdp.zip"},
		{file: stoneman + "ch02/ch02-static-website/Dockerfile", lines: []int{11}, seed: "inetpub/wwwroot/", texts: map[string]string{"template.html": "<h1>{hostname}</h1>\r\n<p>{environment}</p>\r\n"}},
		{file: scherer + "ruby/Dockerfile", lines: []int{22, 28}, seed: "tools/ruby25/unins000.exe|tools/ruby25/unins000.dat|tools/ruby25/bin/ruby.exe"},
		{file: sitecore + "images/8.2 rev. 180406/windowsservercore/sitecore-cd/Dockerfile", lines: []int{8}, shell: powershellBase(), renames: true},
	}
}

func otherCases() []realCase {
	return []realCase{
		{file: fluent + "v1.11/windows/Dockerfile", lines: []int{10}, serve: map[string]string{"install.ps1": "=New-Item C:\\chocolatey -ItemType Directory\nchoco feature enable -n allowGlobalConfirmation\n"}, refused: "choco"},
		{file: scherer + "dsc/Dockerfile", lines: []int{3}, texts: map[string]string{"test.ps1": "mkdir C:\\x\nInstall-Module xWebAdministration -Force\n"}, refused: "Install-Module"},
		{file: sitecore + "images/9.0.1 rev. 171219/nanoserver/sitecore-solr/Dockerfile", lines: []int{61}, texts: map[string]string{"MapDrive.cmd": "@echo off\r\nmkdir C:\\data\r\nsubst %1 C:\\data\r\n"}, refused: "subst"},
		{file: scherer + "quotes/Dockerfile", lines: []int{3, 6, 7}},
		{file: scherer + "check-baseimage/Dockerfile", lines: []int{3}, texts: map[string]string{"check-baseimage.ps1": "param([string]$Name = 'ltsc2016')\r\nif ($Name -notmatch '^ltsc\\d{4}$') { exit 3 }\r\n\"checked $Name\" | Out-File C:\\checked.txt\r\n"}},
		{file: stoneman + "ch11/ch11-grafana/Dockerfile", lines: []int{10}, texts: map[string]string{"init.ps1": "foreach ($f in Get-ChildItem C:\\grafana -Recurse -Filter *.yaml) { Rename-Item $f.FullName ($f.BaseName + '.yml') }\n"}, seed: "grafana/conf/a.yaml|grafana/conf/b/c.yaml|grafana/d.txt"},
	}
}
