# One fault after every byte of a session, in both directions: what each call says afterwards, against what the server knows.
#
# What may be believed of a result is in xt/lib/Sweep/Judge.pm, the faults are in Fault.pm, the sessions in Mode.pm beside it.
# SWEEP_STEP=7 takes every seventh offset.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use lib 't/lib', 'xt/lib';
use Sweep::Forgery;
use Sweep::Mode;
use Sweep::Peer;
use Sweep::Plan;
use Sweep::Pool;
use Sweep::Run;
use Sweep::Tally;

my $SHOWN = 20;
my $step = $ENV{SWEEP_STEP} || 1;

# The judge is no use if it lets everything pass.
for my $mode (Sweep::Mode::all()) {
    my $peer = Sweep::Peer->new($mode->{protocol});
    my ($honest, @forged) = Sweep::Forgery::all($mode, Sweep::Run::observe($peer, Sweep::Plan::honest($mode)));
    $peer->stop;
    is_deeply($honest, ['nothing changed'], "$mode->{name}: an honest session");
    is_deeply([ map { $_->[0] } grep { @$_ == 1 } @forged ], [], "$mode->{name}: no forgery passes, of " . @forged);
}

my $start = time;
my @runs = Sweep::Plan::runs($step);
my $tally = Sweep::Tally->new;
Sweep::Pool::work(\@runs, sub { $tally->add(@_) });

for my $mode ($tally->modes) {
    my @problems = $tally->problems($mode);
    is(scalar @problems, 0, "$mode: " . $tally->runs($mode) . ' runs');
    diag($_) for @problems[ 0 .. ($#problems < $SHOWN ? $#problems : $SHOWN - 1) ];
}
note($_) for $tally->table, sprintf '%d runs in %.0f seconds', scalar @runs, time - $start;
done_testing;
