package Sweep::Tally;

# What came of the runs: by mode and by fault, and what was wrong.
#
#   my $tally = Sweep::Tally->new;
#   $tally->add($run, $outcome);
#   $tally->modes; $tally->runs($mode); $tally->problems($mode); $tally->table;

use strict;
use warnings;

use Sweep::Plan;

my @kinds = ('success', 'refusal', 'deferral', 'deferral, maybe', 'blurred', 'other answer', 'false success');

sub new {
    my ($class) = @_;
    return bless { modes => [], runs => {}, problems => {}, fault => {}, longest => 0, again => 0 }, $class;
}

sub add {
    my ($self, $run, $outcome) = @_;
    my ($mode, $fault) = ($run->{mode}{name}, $run->{fault}{name});
    push @{ $self->{modes} }, $mode if !$self->{runs}{$mode}++;
    push @{ $self->{problems}{$mode} }, map { Sweep::Plan::describe($run) . ": $_" } @{ $outcome->{problems} };
    for my $row ($self->{fault}{$fault} ||= {}, $self->{mode}{$mode} ||= {}) {
        $row->{runs}++;
        $row->{open}++ if $outcome->{open};
        $row->{$_} += $outcome->{count}{$_} for keys %{ $outcome->{count} };
    }
    $self->{again}++ if $outcome->{again};
    $self->{longest} = $outcome->{seconds} if $outcome->{seconds} > $self->{longest};
    return;
}

sub modes    { sort @{ $_[0]{modes} } }
sub runs     { $_[0]{runs}{ $_[1] } }
sub problems { @{ $_[0]{problems}{ $_[1] } || [] } }

# Lines of text.
sub table {
    my ($self) = @_;
    my @columns = ('runs', 'not connected', 'open', @kinds);
    my @lines = join ' ', sprintf('%-26s', ''), map { sprintf '%15s', $_ } @columns;
    for my $table (@{$self}{qw(fault mode)}) {
        push @lines, map { row($_, @{ $table->{$_} }{@columns}) } sort keys %$table;
    }
    push @lines, sprintf 'the longest took %.1f seconds; %d were repeated with longer timeouts', $self->{longest}, $self->{again};
    return @lines;
}

sub row {
    my ($name, @numbers) = @_;
    return join ' ', sprintf('%-26s', $name), map { sprintf '%15d', $_ || 0 } @numbers;
}

1;
