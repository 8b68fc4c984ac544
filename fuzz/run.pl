#!/usr/bin/perl
# Builds fuzz targets with clang, libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, and runs them from their
# seeds and corpus. See README.md. Run from the top folder of the distribution.

use strict;
use warnings;

use File::Copy qw(copy);
use File::Path qw(mkpath rmtree);
use File::Temp ();
use Getopt::Long;

# How long an input is worth being.
my %MAX_LEN = (
    command => 400, dotstuff => 600, flight => 600, keywords => 500, lines => 400, lmtp => 1000, netstring => 700, qmtp => 800, reply => 400,
);

# What is kept is cut to this, so that the corpora stay small.
my $KEEP_LEN = 250;

my %option = (seconds => 60, found => '.');
GetOptions(\%option, qw(seconds=i runs=i build=s found=s fast merge)) or die usage();
my @targets = @ARGV ? @ARGV : targets();
my $build   = $option{build} || File::Temp::tempdir('mail-wire-fuzz-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $clang   = find_clang() or die "clang is needed: there is none in PATH (or name it in CC)\n";
my $failed  = 0;

for my $target (@targets) {
    -f source($target) or die "no target $target: there are ", join(' ', targets()), "\n";
    build($target);
    unpack_corpus($target);
    my $found = run($target);
    merge($target) if $option{merge} and not $found;
    $failed |= $found;
}
exit $failed;

sub usage { "usage: $0 [--fast] [--seconds=N | --runs=N] [--build=FOLDER] [--found=FOLDER] [--merge] [TARGET ...]\n" }

sub targets { map {m{fuzz_(\w+)\.c\z}} sort glob 'fuzz/fuzz_*.c' }

sub source { "fuzz/fuzz_$_[0].c" }

sub program { "$build/fuzz_$_[0]" }

sub packed { "fuzz/corpus/$_[0].corpus" }

sub find_clang {
    my @names = $ENV{CC} ? $ENV{CC} : ('clang', map {"clang-$_"} reverse 14 .. 22);
    for my $name (@names) {
        return $name if grep { -x "$_/$name" } split /:/, $ENV{PATH};
    }
    return $ENV{CC};
}

# All of the core but its system calls.
sub build {
    my ($target) = @_;
    mkpath($build);
    my @core  = grep { !m{/io\w*\.c\z} } sort glob 'c/*.c';
    my @flags = (qw(-std=c99 -g -O2 -fno-omit-frame-pointer -DMW_FUZZ_LIBFUZZER),
        '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all');
    push @flags, '-fno-sanitize-coverage=trace-cmp' if $option{fast};
    system($clang, @flags, '-o', program($target), source($target), @core) == 0
        or die "$target does not compile\n";
    return;
}

# A folder of its own for what libFuzzer finds on the way: filled from the packed corpus, which is netstrings.
sub unpack_corpus {
    my ($target) = @_;
    my $folder = "$build/$target.corpus";
    mkpath($folder);
    return unless -f packed($target);
    my $bytes = slurp(packed($target));
    my $count = 0;
    while ($bytes =~ /\G([0-9]+):/gc) {
        my $start = pos $bytes;
        spew(sprintf('%s/packed-%05d', $folder, ++$count), substr $bytes, $start, $1);
        pos($bytes) = $start + $1 + 1;
    }
    return;
}

# True when something was found.
sub run {
    my ($target) = @_;
    my $log   = "$build/$target.log";
    my $limit = defined $option{runs} ? "-runs=$option{runs}" : "-max_total_time=$option{seconds}";
    my @dict  = map { -f $_ ? "-dict=$_" : () } "fuzz/dict/$target.dict";
    my $found = system_to($log, program($target), $limit, @dict, "-max_len=$MAX_LEN{$target}", '-timeout=20',
        '-print_final_stats=1', "-artifact_prefix=$option{found}/found-$target-", "$build/$target.corpus",
        "fuzz/seeds/$target");
    my $output = slurp($log);
    my ($runs) = $output =~ /^stat::number_of_executed_units:\s*(\d+)/m;
    my ($rate) = $output =~ /^stat::average_exec_per_sec:\s*(\d+)/m;
    printf "%-10s %9s runs, %6s a second%s\n", $target, $runs || '?', $rate || '?', $found ? ', a find' : '';
    print $output =~ /^((?:property failed|==\d+==ERROR|SUMMARY|artifact_prefix|\S*runtime error).*\n)/mg if $found;
    return $found ? 1 : 0;
}

# The inputs that reach something that the seeds do not, packed.
sub merge {
    my ($target) = @_;
    my $merged = "$build/$target.merged";
    rmtree($merged);
    mkpath($merged);
    my %is_seed;
    for my $seed (glob "fuzz/seeds/$target/*") {
        (my $name = $seed) =~ s{.*/}{};
        $is_seed{$name} = copy($seed, "$merged/$name") or die "$seed: $!\n";
    }
    system_to("$build/$target.log", program($target), '-set_cover_merge=1', "-max_len=$KEEP_LEN", $merged,
        "$build/$target.corpus") and die "merging $target failed:\n", slurp("$build/$target.log");
    my @inputs = map { slurp($_) } grep { m{([^/]+)\z} && !$is_seed{$1} } sort glob "$merged/*";
    mkpath('fuzz/corpus');
    spew(packed($target), join '', map { length($_) . ":$_," } sort @inputs);
    printf "%-10s %9d inputs, %6d bytes\n", $target, scalar @inputs, -s packed($target);
    return;
}

# Runs a command with its output (both kinds) in a file. True when it failed.
sub system_to {
    my ($log, @command) = @_;
    defined(my $pid = fork) or die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', $log or die "$log: $!\n";
        open STDERR, '>&', \*STDOUT or die "dup: $!\n";
        exec { $command[0] } @command or die "$command[0]: $!\n";
    }
    waitpid $pid, 0;
    return $?;
}

sub slurp {
    my ($name) = @_;
    open my $fh, '<:raw', $name or die "$name: $!\n";
    local $/;
    my $bytes = <$fh>;
    return defined $bytes ? $bytes : '';
}

sub spew {
    my ($name, $bytes) = @_;
    open my $fh, '>:raw', $name or die "$name: $!\n";
    print {$fh} $bytes;
    close $fh or die "$name: $!\n";
    return;
}
