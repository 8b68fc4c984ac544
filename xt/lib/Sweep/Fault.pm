package Sweep::Fault;

# What goes wrong, once, at an offset of one direction.
#
#   my @faults = Sweep::Fault::all('lmtp', $large);     # with $large there is a message of megabytes
#
# Each: name; does (a method of Sweep::Wire, do_...); sides; and, where it applies
#   junk     what is written that nobody asked for
#   loses    replies are missing: there must be one at the offset
#   lies     the server goes on as if nothing was, and what it says isn't what it means
#   exact    no reason for any result but the honest ones
#   waits    it may cost the client its timeout
#   once     one run, for all offsets
#   pause    seconds that it takes

use strict;
use warnings;

my @both = (sides => [qw(in out)]);
my @out  = (sides => ['out']);

my @closing = (
    { name => 'FIN',   does => 'finish', @both },
    { name => 'close', does => 'close',  @both },
    { name => 'RST',   does => 'reset',  @both },
    { name => 'stall', does => 'stall',  @both, waits => 1 },
);
my @pieces = (
    { name => 'pause',   does => 'pause', @out, exact => 1, pause => 0.0005 },
    { name => 'trickle', does => 'none',  @out, exact => 1, alone => 1, once => 1 },
);
my @lies = (lies => 1, waits => 1);

my %own = (
    lmtp => [
        { name => '421', does => 'finish', @both, junk => "421 4.3.2 going\r\n", parts => 1 },
        { name => 'garbage', does => 'insert', @both, @lies, junk => "\xff garbage\r\n" },
        { name => 'one more 250', does => 'insert', @both, @lies, junk => "250 2.0.0 over\r\n", positive => 1 },
        { name => 'one more 550', does => 'insert', @both, @lies, junk => "550 5.0.0 over\r\n" },
        { name => 'one too few', does => 'lose', @out, @lies, loses => 1 },
    ],
    qmtp => [
        { name => 'garbage', does => 'insert', @both, @lies, junk => "\xff garbage" },
        { name => 'one more K', does => 'insert', @both, @lies, junk => '5:Kover,', positive => 1 },
        { name => 'one more D', does => 'insert', @both, @lies, junk => '5:Dover,' },
        { name => 'one too few', does => 'lose', @out, @lies, loses => 1 },
    ],
);

# For messages that no socket takes whole: the server stops reading as well.
my $deaf = { name => 'deaf', does => 'deaf', sides => ['in'], pause => 1, waits => 1 };

sub all {
    my ($protocol, $large) = @_;
    return (@closing, ($large ? $deaf : ()), @pieces, @{ $own{$protocol} });
}

1;
