#!/usr/bin/perl

# The benchmark: builds what it needs, measures, writes a table and a chart. See README.md beside it.

use strict;
use warnings;

use FindBin ();
use lib map {"$FindBin::Bin/$_"} qw(lib ../blib/lib ../blib/arch);

use Config;
use File::Spec ();
use File::Temp ();
use Getopt::Long qw(GetOptions);

use Bench::Build   ();
use Bench::Chart   ();
use Bench::Machine ();
use Bench::Measure ();
use Bench::Rows    ();
use Bench::Table   ();
use Bench::Worker  ();

use constant { RUNS => 5, QUICK_RUNS => 1 };

# A chart is for comparing programs: rows of growth have tables only.
my %charted = map { $_ => 1 } qw(old-style deliver submit qmtp-send qmtp-stream lines blocks);

my %option;
GetOptions(\%option, qw(quick only=s@ runs=i callgrind huge date=s out=s help))
    && !@ARGV && !$option{help} or usage();
usage() if defined $option{runs} and $option{runs} < 1;

# Where to write to, if anywhere: known to be there before anything is measured.
my $whole = !$option{quick} && !$option{only};
my $out = defined $option{out} ? $option{out} : $whole ? $FindBin::Bin : undef;
die "$out: no directory to write to\n" if defined $out and !-d $out || !-w _;

# The programs measured find the same modules as we do.
$ENV{PERL5LIB} = join $Config{path_sep}, map { File::Spec->rel2abs($_) } grep { !ref } @INC;

my $dir  = File::Spec->rel2abs($FindBin::Bin);
my $work = File::Temp::tempdir('mail-wire-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $runs = $option{runs} || ($option{quick} ? QUICK_RUNS : RUNS);
my $bin  = Bench::Build::programs("$dir/..", $work);
my @rows = wanted_rows();
my @measured = map { [ $_, measured($_) ] } @rows;
write_report();

sub usage {
    die <<'USAGE';
usage: run.pl [--quick] [--only ROW]... [--runs N] [--callgrind] [--huge] [--date TEXT] [--out DIR]

  --quick       a few seconds in all: shows that it works, the figures mean little
  --only ROW    this row only; may be given several times
  --runs N      how often each program runs (5; with --quick 1): the median is shown
  --callgrind   count instructions as well (needs valgrind)
  --huge        with a message of 1 GB in memory
  --date TEXT   put this date into the table
  --out DIR     write RESULTS.md and results.svg there; a full run writes to bench/,
                --quick and --only print the table unless this is given
USAGE
}

# What the classes can do: rows appear when their calls do.
sub abilities {
    require Net::LMTP;
    require Net::QMTP;
    return {
        deliver      => has('Net::LMTP', 'deliver'),
        submit       => has('Net::LMTP', qw(submit collect in_flight)),
        qmtp_deliver => has('Net::QMTP', 'deliver'),
        qmtp_submit  => has('Net::QMTP', qw(submit collect in_flight)),
    };
}

sub has {
    my ($class, @methods) = @_;
    return !grep { !$class->can($_) } @methods;
}

sub wanted_rows {
    my @all = Bench::Rows::rows(
        dir      => $dir,
        programs => $bin,
        big_file => big_file(),
        lf_file  => lf_file(),
        mbox     => mbox(),
        pem      => pem(),
        can      => abilities(),
        huge     => $option{huge},
    );
    my @only = @{ $option{only} || return @all };
    my %row = map { $_->{name} => $_ } @all;
    for my $name (@only) {
        die "no row '$name': there are @{[ map { $_->{name} } @all ]}\n" if !$row{$name};
    }
    return @row{@only};
}

# Only its length and its last line's end are written: the disk has no part in what is measured.
sub big_file {
    my $name = "$work/message";
    open my $file, '>', $name or die "$name: $!\n";
    my $size = Bench::Rows::file_blocks($option{quick}) * Bench::Rows::BLOCK();
    seek $file, $size - 2, 0 or die "$name: $!\n";
    print {$file} "\r\n" or die "$name: $!\n";
    close $file or die "$name: $!\n";
    return $name;
}

sub lf_file {
    my $name = "$work/lines";
    open my $file, '>', $name or die "$name: $!\n";
    my $block = Bench::Worker::content(Bench::Rows::BLOCK());
    print {$file} $block or die "$name: $!\n" for 1 .. Bench::Rows::file_blocks($option{quick});
    close $file or die "$name: $!\n";
    return $name;
}

# A certificate with its key, or undef.
sub pem {
    my $name = "$work/pem";
    my $null = File::Spec->devnull;
    return system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout $name.key -out $name.crt >$null 2>&1"
        . " && cat $name.crt $name.key >$name") == 0 ? $name : undef;
}

sub mbox {
    my $name = "$work/mbox";
    open my $file, '>', $name or die "$name: $!\n";
    my $head = "From sender\@example.org Mon Jan  1 00:00:00 2020\nFrom: sender\@example.org\nSubject: hello\n\n";
    my $message = $head . Bench::Worker::content(Bench::Rows::MAIL() - length($head) - 1) . "\n";
    print {$file} $message or die "$name: $!\n" for 1 .. ($option{quick} ? 200 : 5000);
    close $file or die "$name: $!\n";
    return $name;
}

sub measured {
    my ($row) = @_;
    my @results = Bench::Measure::row(
        row       => $row,
        sink      => $bin->{sink},
        runs      => $runs,
        quick     => $option{quick},
        callgrind => $option{callgrind} ? "$work/callgrind.log" : undef,
        progress  => sub { progress("$row->{name}: $_[0]") },
    );
    progress('');
    return @results;
}

# One line that is written over, for those who watch.
sub progress {
    my ($text) = @_;
    print STDERR "\r\e[K$text" if -t STDERR;
    return;
}

sub write_report {
    my $report = Bench::Table::report(
        machine => [ Bench::Machine::facts() ],
        date    => $option{date},
        runs    => $runs,
        missing => [ Bench::Rows::missing() ],
        chart   => defined $out,
        rows    => \@measured,
    );
    if (!defined $out) {
        binmode STDOUT, ':encoding(UTF-8)';
        print $report;
        return;
    }
    save("$out/RESULTS.md", $report . by_hand("$out/RESULTS.md"));
    save("$out/results.svg", Bench::Chart::svg(grep { $charted{ $_->[0]{name} } } @measured));
    print "Written: $out/RESULTS.md, $out/results.svg\n";
    return;
}

# What was measured otherwise stays, at the end.
sub by_hand {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or return '';
    local $/;
    my ($part) = <$file> =~ /^(## Many machines\n.*)/ms;
    return defined $part ? "\n$part" : '';
}

sub save {
    my ($name, $text) = @_;
    open my $file, '>:encoding(UTF-8)', $name or die "$name: $!\n";
    print {$file} $text;
    close $file or die "$name: $!\n";
    return;
}
