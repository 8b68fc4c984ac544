package Sweep::Plan;

# Which runs there are: every mode, every fault, every offset of both directions.
#
#   my @runs = Sweep::Plan::runs($step);      # each $step-th offset
#
# A run: mode, fault (with side and at), timeout, greeting (the fault is before the end of the reply to LHLO).

use strict;
use warnings;

use Sweep::Fault;
use Sweep::Mode;
use Sweep::Peer;
use Sweep::Run;

use constant NEVER => 9**9;
# Seconds. What is large takes longer, with many at the same time.
use constant { PATIENT => 15, SHORT => 0.2, SHORT_FOR_LARGE => 0.7 };

my $no_fault = { name => 'none', does => 'none', side => 'out', at => NEVER, exact => 1 };

sub runs {
    my ($step) = @_;
    my %peer = map { $_ => Sweep::Peer->new($_) } qw(lmtp qmtp);
    my @runs = map { runs_of($_, measure($peer{ $_->{protocol} }, $_), $step) } Sweep::Mode::all();
    $_->stop for values %peer;
    return @runs;
}

# A session without a fault: the client's and the server's bytes, in all and in front of the first message.
sub measure {
    my ($peer, $mode) = @_;
    my ($told, $session) = Sweep::Run::observe($peer, honest($mode));
    my ($hello) = grep { $_->[0] eq 'lhlo 1' } @{ $session->{said} };
    return {
        in     => [ $session->{seen} =~ /\A(LHLO .*\r\n)/ ? length $1 : 0, length $session->{seen} ],
        out    => [ $hello ? $hello->[3] : 0, $session->{put} ],
        greets => $mode->{name} =~ /sync \(P\)\z/ ? 1 : 0,
    };
}

sub honest {
    my ($mode) = @_;
    return { mode => $mode, fault => $no_fault, timeout => PATIENT };
}

sub runs_of {
    my ($mode, $size, $step) = @_;
    my @runs = honest($mode);
    my $short = $mode->{offsets} ? SHORT_FOR_LARGE : SHORT;
    for my $fault (Sweep::Fault::all($mode->{protocol}, $mode->{offsets})) {
        for my $side (@{ $fault->{sides} }) {
            my ($begin, $end) = @{ $size->{$side} };
            my $from = $size->{greets} ? 0 : $begin;
            my @offsets = $fault->{once} ? NEVER : offsets($from, $end - ($fault->{loses} ? 1 : 0), $step, $mode->{offsets});
            push @runs, map { {
                mode     => $mode,
                fault    => { %$fault, side => $side, at => $_, with_next => $mode->{protocol} eq 'lmtp' && !$mode->{fenced} },
                timeout  => $fault->{waits} ? $short : PATIENT,
                greeting => $_ < $begin || ($side eq 'in' && $_ == $begin) || $_ == 0 ? 1 : 0,
            } } @offsets;
        }
    }
    return @runs;
}

# Each $step-th, or so many of those.
sub offsets {
    my ($from, $end, $step, $most) = @_;
    my $stride = $most && $end - $from > $most ? int(($end - $from) / $most) : 1;
    my @offsets = map { $from + $_ * $step * $stride } 0 .. int(($end - $from) / ($step * $stride));
    push @offsets, $end if $most and $offsets[-1] != $end;
    return @offsets;
}

sub describe {
    my ($run) = @_;
    my ($mode, $fault) = @{$run}{qw(mode fault)};
    return "$mode->{name}, $fault->{name}" . ($fault->{at} == NEVER ? '' : " at $fault->{side} $fault->{at}");
}

1;
