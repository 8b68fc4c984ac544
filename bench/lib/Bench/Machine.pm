package Bench::Machine;

# What the figures were measured on.

use strict;
use warnings;

use Config;
use POSIX ();

# Pairs of a name and a value, in the order in which to show them.
sub facts {
    my ($system, undef, $release, undef, $machine) = POSIX::uname();
    my ($compiler) = output((split ' ', $Config{cc}), '--version');
    my ($cpu, $cores) = processor();
    return (
        Processor => $cpu,
        Cores     => $cores,
        Kernel    => "$system $release $machine",
        Perl      => sprintf('%vd', $^V),
        Compiler  => defined $compiler ? "$compiler, -O2" : 'unknown',
    );
}

sub processor {
    open my $info, '<', '/proc/cpuinfo' or return ('unknown', 'unknown');
    my @models = map { /\Amodel name\s*:\s*(.*\S)/ ? $1 : () } <$info>;
    return ($models[0] || 'unknown', scalar @models || 'unknown');
}

sub output {
    my (@command) = @_;
    open my $pipe, '-|', @command or return;
    chomp(my @lines = <$pipe>);
    close $pipe;
    return @lines;
}

1;
