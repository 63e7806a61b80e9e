package tools

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// What robocopy prints.

// roboLog is where the log goes: standard output, a file, or both.
type roboLog struct {
	p    *proc
	file *bufio.Writer
	raw  machine.Writer
	tee  bool
	err  error
}

// open prepares the log that the switches ask for.
func (l *roboLog) open(ctx context.Context, p *proc, in input) error {
	l.p = p
	name, appending := in.value("LOG"), false
	if it, ok := in.get("LOG+"); ok {
		name, appending = it.text, true
	}
	if name == "" {
		return nil
	}
	full, err := p.full(name)
	if err != nil {
		return err
	}
	l.raw, err = p.fs().Create(ctx, full, machine.CreateOptions{Append: appending})
	if code, fatal := winCode(err); fatal != nil {
		return fatal
	} else if code != 0 {
		return machine.Refuse("robocopy /LOG:"+name, "the log cannot be written ("+strings.TrimSuffix(message(code), ".")+")", "name a file in a directory that exists")
	}
	l.file, l.tee = bufio.NewWriter(l.raw), in.has("TEE")
	if !l.tee {
		p.println("\r\n Log File : %s", full)
	}
	return nil
}

// close ends the log file.
func (l *roboLog) close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.err, l.file.Flush(), l.raw.Close())
}

func (l *roboLog) print(format string, args ...any) {
	text := expand2(format, args)
	if l.file == nil || l.tee {
		l.p.print("%s", text)
	}
	if l.file != nil {
		if _, err := l.file.Write(machine.EncodePage(l.p.CodePage, text)); err != nil && l.err == nil {
			l.err = err
		}
	}
}

func (l *roboLog) println(format string, args ...any) {
	l.print("%s\r\n", expand2(format, args))
}

const (
	roboBar     = "-------------------------------------------------------------------------------"
	roboDivider = "------------------------------------------------------------------------------"
)

// roboUsage follows the report of a wrong switch.
const roboUsage = "\r\n       Simple Usage :: ROBOCOPY source destination /MIR\r\n\r\n" +
	"             source :: Source Directory (drive:\\path or \\\\server\\share\\path).\r\n" +
	"        destination :: Destination Dir  (drive:\\path or \\\\server\\share\\path).\r\n" +
	"               /MIR :: Mirror a complete directory tree.\r\n\r\n" +
	"    For more usage information run ROBOCOPY /?\r\n\r\n\r\n" +
	"****  /MIR can DELETE files as well as copy them !\r\n"

// roboDate is the long date of the English locale.
func roboDate(p *proc) string { return p.Machine.Now().Format("Monday, January 2, 2006 3:04:05 PM") }

func (j *robo) header(p *proc) {
	l := &j.log
	l.print("\r\n%s\r\n   ROBOCOPY     ::     Robust File Copy for Windows                              \r\n%s\r\n\r\n", roboBar, roboBar)
	l.println("  Started : %s", roboDate(p))
	l.println("   Source : %s", under(j.from, ""))
	l.println("     Dest : %s\r\n", under(j.to, ""))
	for _, list := range []struct {
		title string
		names []string
	}{{"    Files : ", j.files}, {"Exc Files : ", j.xf}, {" Exc Dirs : ", j.xd}} {
		if len(list.names) == 0 {
			continue
		}
		l.println("%s%s", list.title, strings.Join(list.names, "\r\n\t    "))
		l.println("\t    ")
	}
	l.println("  Options : %s \r\n", j.options())
	l.print("%s\r\n\r\n", roboDivider)
}

// options lists the switches in the order of robocopy, defaults included.
func (j *robo) options() string {
	in := j.in
	out := []string{"*.*"}
	if len(j.files) != 1 || j.files[0] != "*.*" {
		out = nil
	}
	add := func(names ...string) {
		for _, n := range names {
			if in.has(n) {
				out = append(out, "/"+n)
			}
		}
	}
	add("V", "TS", "FP", "BYTES", "X", "FFT", "DST", "NS", "NC", "NDL", "NFL", "TEE", "ETA", "L")
	if in.has("S") || in.has("E") || in.has("MIR") {
		out = append(out, "/S")
	}
	if in.has("E") || in.has("MIR") {
		out = append(out, "/E")
	}
	for _, f := range []struct{ name, value string }{{"LEV", in.value("LEV")}, {"DCOPY", "DA"}} {
		if it, ok := in.get(f.name); ok {
			f.value = strings.ToUpper(it.text)
		}
		if f.value != "" {
			out = append(out, "/"+f.name+":"+f.value)
		}
	}
	if j.what == roboAll {
		out = append(out, "/COPYALL")
	} else {
		out = append(out, "/COPY:"+j.what)
	}
	add("Z", "B", "ZB", "J")
	if j.purge {
		out = append(out, "/PURGE")
	}
	add("MIR", "MOV", "MOVE")
	for _, f := range []string{"A+", "A-"} {
		if it, ok := in.get(f); ok {
			out = append(out, "/"+f+":"+strings.ToUpper(it.text))
		}
	}
	add("NP", "A", "M", "XC", "XN", "XO", "XX", "XL", "IS", "IT", "XJ", "XJD", "XJF", "NODCOPY", "NOOFFLOAD")
	for _, f := range []string{"IA", "XA", "MAX", "MIN", "IPG"} {
		if it, ok := in.get(f); ok {
			out = append(out, "/"+f+":"+strings.ToUpper(it.text))
		}
	}
	if it, ok := in.get("MT"); ok {
		out = append(out, "/MT:"+firstOf(it.text, "8"))
	}
	return strings.Join(append(out, "/R:"+strconv.Itoa(j.retries), "/W:"+strconv.Itoa(j.wait)), " ")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// dirLine is the line of a directory; files is -1 where they are not counted.
func (j *robo) dirLine(class string, files int, path string) {
	if j.in.has("NDL") {
		return
	}
	label := ""
	switch class {
	case "New Dir":
		label = "  New Dir  "
	case "*EXTRA Dir":
		label = "*EXTRA Dir"
	}
	if j.in.has("NC") {
		label = ""
	}
	number := fmt.Sprintf("%*d", 20-len(label), files)
	if j.in.has("NS") {
		number = ""
	}
	j.log.println("\t%s%s\t%s", label, number, under(path, ""))
}

// fileLine is the line of a file, with the progress of its copy.
func (j *robo) fileLine(class string, f *machine.Info, copied bool) {
	if j.in.has("NFL") {
		return
	}
	label := "    " + pad(class, 10)
	if strings.HasPrefix(class, "*") {
		label = "  " + class + " "
	}
	size := fmt.Sprintf("%8s", j.size(f.Size))
	if j.in.has("NC") {
		label = ""
	}
	if j.in.has("NS") {
		size = ""
	}
	name := f.Name
	if j.in.has("FP") || j.in.has("MT") {
		name = f.Path
	}
	if j.in.has("TS") {
		size += " " + f.Times.Modified.Format("2006/01/02 15:04:05")
	}
	progress := ""
	if copied && !j.in.has("NP") {
		progress = "\r100%  "
	}
	j.log.println("\t%s\t\t%s\t%s%s", label, size, name, progress)
}

// size is a number of bytes as a file's line has it.
func (j *robo) size(n int64) string {
	switch {
	case j.in.has("BYTES") || n < 1<<20:
		return strconv.FormatInt(n, 10)
	case n < 1<<30:
		return fmt.Sprintf("%.1f m", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f g", float64(n)/(1<<30))
}

// total is a number of bytes as the summary has it.
func (j *robo) total(n int64) string {
	switch {
	case j.in.has("BYTES") || n < 1<<10:
		return strconv.FormatInt(n, 10)
	case n < 1<<20:
		return fmt.Sprintf("%.1f k", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.2f m", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.3f g", float64(n)/(1<<30))
}

func (j *robo) summary(p *proc) {
	l := &j.log
	l.print("\r\n%s\r\n\r\n", roboDivider)
	l.println("               Total    Copied   Skipped  Mismatch    FAILED    Extras")
	row := func(title string, value func(column int) string) {
		l.print("%s", title)
		for c := range roboColumns {
			l.print("%10s", value(c))
		}
		l.print("\r\n")
	}
	row("    Dirs :", func(c int) string { return strconv.Itoa(j.dirs[c]) })
	row("   Files :", func(c int) string { return strconv.Itoa(j.count[c]) })
	row("   Bytes :", func(c int) string { return j.total(j.bytes[c]) })
	l.println("   Times :   0:00:00   0:00:00                       0:00:00   0:00:00")
	l.println("   Ended : %s\r\n", roboDate(p))
}
