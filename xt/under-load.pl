#!/usr/bin/perl
# Runs the tests of t/ again and again on a machine that has too much to do: beside loops that keep every core busy twice. See below.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use FindBin ();
use Getopt::Long;
use POSIX qw(WNOHANG);
use TAP::Parser;
use Time::HiRes ();

my $ROUND = 100_000;    # turns of a loop between two looks for its parent

my %option = (jobs => 4, seconds => 900);
GetOptions(\%option, 'jobs=i', 'loops=i', 'seconds=i') && (@ARGV == 0 || $ARGV[0] =~ /\A[0-9]+\z/)
    or die "usage: $0 [--jobs N] [--loops N] [--seconds N] [RUNS [FILE ...]]\n";
my $runs  = @ARGV ? shift @ARGV : 20;
my $loops = defined $option{loops} ? $option{loops} : 2 * cores();
my $owner = $$;
my (%loop, %test);

chdir "$FindBin::Bin/.." or die "$FindBin::Bin/..: $!\n";
-d 'blib' or die "there is no blib: run make first\n";
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$| = 1;

# As "make test" has them.
my @files = @ARGV ? @ARGV : sort glob 't/*.t';
$ENV{PERL5LIB} = join ':', (map { Cwd::abs_path($_) } 'blib/lib', 'blib/arch'), grep {defined} $ENV{PERL5LIB};
$ENV{PERL_DL_NONLAZY} = 1;
system('make -s ctests >/dev/null') == 0 or die "make ctests failed\n";

start_loop() for 1 .. $loops;
my ($failures, $done) = (0, 0);
while ($done < $runs) {
    my $start = time;
    my @failed = grep { !report($_) } run_all(@files);
    $failures += @failed;
    $done++;
    printf "run %d: %d of %d files failed, %d seconds\n", $done, scalar @failed, scalar @files, time - $start;
}
print "$done runs, $failures failures\n";
exit($failures ? 1 : 0);

# By pid, however this ends. A loop also looks for its parent, should that be killed.
END {
    if ($$ == $owner) {
        local $?;
        kill KILL => keys %loop;
        kill KILL => map {-$_} keys %test;
        1 while waitpid(-1, 0) > 0;
    }
}

sub cores {
    my ($count) = `getconf _NPROCESSORS_ONLN 2>/dev/null` =~ /\A([0-9]+)/;
    return $count || 2;
}

sub child {
    my ($code) = @_;
    my $pid = fork;
    defined $pid or die "fork: $!\n";
    return $pid if $pid;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $code->();
    POSIX::_exit(127);
}

sub start_loop {
    my $pid = child(sub {
        while (getppid == $owner) {
            1 for 1 .. $ROUND;
        }
    });
    $loop{$pid} = 1;
    return;
}

# ---------------------------------------------------------------- one run

# Runs the files, some at a time. Returns for each { file, log, status, late }.
sub run_all {
    my @waiting = @_;
    my @ended;
    while (@waiting or %test) {
        start_test(shift @waiting) while @waiting and keys %test < $option{jobs};
        end_late();
        my $pid = waitpid -1, WNOHANG;
        my $status = $?;
        if ($pid > 0 and my $test = delete $test{$pid}) {
            $test->{status} = $status;
            kill KILL => -$pid;
            push @ended, $test;
        }
        elsif ($pid > 0) {
            delete $loop{$pid};
            die "a loop has ended\n";
        }
        else {
            Time::HiRes::sleep(0.02);
        }
    }
    return @ended;
}

# In a process group of its own, so that all of it can be ended.
sub start_test {
    my ($file) = @_;
    my $log = File::Temp->new;
    my $pid = child(sub {
        setpgrp 0, 0;
        open STDIN,  '<',  '/dev/null' or return;
        open STDOUT, '>&', $log        or return;
        open STDERR, '>&', $log        or return;
        exec $^X, switches($file), $file;
    });
    setpgrp $pid, $pid;
    $test{$pid} = { file => $file, log => $log, ends => time + $option{seconds} };
    return;
}

# Under -T, which must be on the command line as well, PERL5LIB does not count.
sub switches {
    my ($file) = @_;
    open my $fh, '<', $file or return;
    my $first = <$fh>;
    return $first =~ /\A#!.*perl -T/ ? ('-T', map {"-I$_"} split /:/, $ENV{PERL5LIB}) : ();
}

sub end_late {
    for my $pid (grep { $test{$_}{ends} < time } keys %test) {
        $test{$pid}{late} = 1;
        kill KILL => -$pid;
    }
    return;
}

# Prints what a file that has failed has said. True if it has not.
sub report {
    my ($test) = @_;
    open my $fh, '<', $test->{log}->filename or die "$test->{file}: its output: $!\n";
    my $output = do { local $/; <$fh> };
    my $parser = TAP::Parser->new({ tap => $output });
    $parser->run;
    return 1 if !$test->{status} and !$parser->has_problems;
    print "$test->{file}: ", ($test->{late} ? "ended after $option{seconds} seconds" : "wait status $test->{status}"), "\n",
        map {"    $_\n"} split /\n/, $output;
    return 0;
}

__END__

=head1 NAME

under-load.pl - runs the tests of t/ beside two busy loops a core

=head1 SYNOPSIS

    make
    perl xt/under-load.pl        # twenty runs
    perl xt/under-load.pl 3
    perl xt/under-load.pl 100 t/3*.t

=head1 DESCRIPTION

No test's truth may depend on the clock, or on which process is faster. On a machine that does nothing else most of those that do pass all
the same. Here they share each core with two loops that never wait.

For each file that fails, its name and all of its output is printed; a line for each run; and at the end "N runs, F failures". The exit
status is 0 if there were none.

=head1 OPTIONS

=over 4

=item --jobs N

How many files run at once: 4, as with C<make test>.

=item --loops N

How many loops run beside them: two a core.

=item --seconds N

A file that takes longer is ended and has failed: 900.

=back

=cut
