#!/usr/bin/perl
# What the tests in t/ run of the code, by "make cover": in a copy, built with gcov's counters, the lines of c/ and xs/; and under
# Devel::Cover the statements of lib/.
#
#   perl xt/cover.pl [--c | --perl] [--lines]
#
# --lines names the lines that were not run.

use strict;
use warnings;

use lib 'xt/lib';
use BuildCopy;
use Getopt::Long;

my %option;
GetOptions(\%option, 'c', 'perl', 'lines') or die "usage: $0 [--c | --perl] [--lines]\n";

my $copy = BuildCopy->new;
step("$^X Makefile.PL CC=gcc OPTIMIZE='-O0 -g --coverage'");
step('make -j2 MW_LDFLAGS=--coverage && make -j2 MW_LDFLAGS=--coverage ctests');
chdir $copy->dir or die $copy->dir, ": $!\n";
c_part() if !$option{perl};
perl_part() if !$option{c};
chdir '/';

# Tests that fail change no figure by much, but are told.
sub step {
    my ($command, $what) = @_;
    my ($status, $output) = $copy->execute($command);
    return if !$status;
    print STDERR BuildCopy::tail($output);
    die "$command: failed\n" if !$what;
    print STDERR "$what: tests have failed\n";
    return;
}

sub c_part {
    step('prove -b t', 'c/ and xs/');
    for my $folder ('c', 'xs') {
        my %lines = map { counted($folder, $folder, $_) } glob "$folder/*.gcda";
        add(\%lines, counted($folder, 't/c', $_)) for $folder eq 'c' ? glob 't/c/test_dotstuff_*.gcda' : ();
        report($folder, \%lines);
    }
    return;
}

# Sources that tests compile once more.
sub add {
    my ($lines, %more) = @_;
    for my $file (keys %more) {
        $lines->{$file}{$_} += $more{$file}{$_} for keys %{ $more{$file} };
    }
    return;
}

# "file" => { line => times run } of all files of a folder that a counter file, among its objects, is about.
sub counted {
    my ($folder, $objects, $counters) = @_;
    my ($file, %lines);
    open my $gcov, '-|', qw(gcov -t -o), $objects, $counters or die "gcov: $!\n";
    while (<$gcov>) {
        $file = $1 if m{^\s*-:\s*0:Source:(?:\./|t/c/\.\./\.\./)?(.*)};
        next if !defined $file or $file !~ m{\A\Q$folder\E/[\w]+\.(?:c|xsi?)\z} or $file eq 'xs/Wire.c';
        $lines{$file}{$2} += $1 eq '#####' || $1 eq '=====' ? 0 : $1 if /^\s*([0-9]+|#####|=====)\*?:\s*([1-9][0-9]*):/;
    }
    close $gcov or die "gcov: failed\n";
    return %lines;
}

sub perl_part {
    require Devel::Cover::DB;
    my $db = $copy->dir . '/cover_db';
    my $options = join ',', '-db', $db, qw(-silent 1 -coverage statement -ignore . -select blib/lib);
    # It does not work with threads.
    my @tests = grep { !uses_threads($_) } glob 't/*.t';
    step("HARNESS_PERL_SWITCHES='-MDevel::Cover=$options -MCoverChildren' prove -b -Ixt/lib @tests", 'lib/');
    my $cover = Devel::Cover::DB->new(db => $db)->merge_runs->cover;
    my %lines;
    for my $file ($cover->items) {
        my $statements = $cover->file($file)->criterion('statement') or next;
        (my $name = $file) =~ s{.*blib/lib/}{lib/};
        for my $line ($statements->items) {
            my @here = @{ $statements->location($line) || [] };
            $lines{$name}{$line} = grep({ !$_->covered } @here) ? 0 : 1 if @here;
        }
    }
    report('lib', \%lines);
    return;
}

sub uses_threads {
    my ($test) = @_;
    open my $fh, '<', $test or die "$test: $!\n";
    return scalar grep {/^\s*(?:use|require) threads\b/} <$fh>;
}

sub report {
    my ($name, $lines) = @_;
    my ($all, $run) = (0, 0);
    for my $file (sort keys %$lines) {
        my @missed = sort { $a <=> $b } grep { !$lines->{$file}{$_} } keys %{ $lines->{$file} };
        my $count = keys %{ $lines->{$file} };
        printf "%-36s %5d of %5d lines %6.1f %%%s\n", $file, $count - @missed, $count, 100 * ($count - @missed) / $count,
            $option{lines} && @missed ? '   not run: ' . ranges(@missed) : '';
        $all += $count;
        $run += $count - @missed;
    }
    printf "%-36s %5d of %5d lines %6.1f %%\n\n", "$name, all", $run, $all, $all ? 100 * $run / $all : 0;
    return;
}

sub ranges {
    my @ranges;
    for my $line (@_) {
        if (@ranges and $ranges[-1][1] == $line - 1) { $ranges[-1][1] = $line }
        else                                         { push @ranges, [ $line, $line ] }
    }
    return join ' ', map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]-$_->[1]" } @ranges;
}
