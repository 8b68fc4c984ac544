package Bench::Child;

# Processes: sinks that run beside us, programs that are measured. Each is stopped by its own number,
# also when we die; a sink ends by itself as well, when the pipe to it closes.

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use Time::HiRes ();

our @EXPORT_OK = qw(start_sink run);

# No single measurement takes longer than this many seconds.
use constant LIMIT => 300;

my %running;

$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';

sub stop {
    my ($pid) = @_;
    return if !delete $running{$pid};
    local $?;
    kill KILL => $pid;
    waitpid $pid, 0;
    return;
}

END { stop($_) for keys %running }

# A process with these as standard input and output.
sub spawn {
    my ($in, $out, @command) = @_;
    my $pid = fork;
    die "fork: $!\n" if !defined $pid;
    if (!$pid) {
        open STDIN,  '<&', $in  or POSIX::_exit(126);
        open STDOUT, '>&', $out or POSIX::_exit(126);
        { no warnings 'exec'; exec {$command[0]} @command }
        POSIX::_exit(127);
    }
    $running{$pid} = 1;
    return $pid;
}

# A sink: an object that has its port, and stops it when it goes out of use.
sub start_sink {
    my (@command) = @_;
    pipe my $stdin, my $ours or die "pipe: $!\n";
    pipe my $answer, my $stdout or die "pipe: $!\n";
    my $pid = spawn($stdin, $stdout, @command);
    close $_ for $stdin, $stdout;
    my ($port) = (readline($answer) || '') =~ /\A(\d+)$/
        or die "the sink does not start: @command\n";
    return bless { pid => $pid, port => $port, pipe => $ours }, __PACKAGE__;
}

sub port { return $_[0]{port} }

sub DESTROY {
    my ($self) = @_;
    close $self->{pipe};
    stop($self->{pid});
    return;
}

# Runs a program to its end. Returns what it printed, its seconds, and its processor seconds.
sub run {
    my (@command) = @_;
    open my $nothing, '<', '/dev/null' or die "/dev/null: $!\n";
    pipe my $answer, my $stdout or die "pipe: $!\n";
    my $started = Time::HiRes::time();
    my $before  = children_cpu();
    my $pid     = spawn($nothing, $stdout, @command);
    close $stdout;
    my $text = read_until_end($answer, $started + LIMIT);
    if (!defined $text) {
        stop($pid);
        die "took longer than @{[LIMIT]} seconds: @command\n";
    }
    waitpid $pid, 0;
    delete $running{$pid};
    die "failed: @command\n" if $?;
    return ($text, Time::HiRes::time() - $started, children_cpu() - $before);
}

sub children_cpu {
    my (undef, undef, $user, $system) = times;
    return $user + $system;
}

sub read_until_end {
    my ($from, $deadline) = @_;
    my ($text, $ready, $got) = ('', '', 0);
    vec($ready, fileno $from, 1) = 1;
    while ((my $left = $deadline - Time::HiRes::time()) > 0) {
        next if select(my $copy = $ready, undef, undef, $left) <= 0;
        $got = sysread $from, $text, 65536, length $text;
        return $text if !$got;
    }
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

1;
