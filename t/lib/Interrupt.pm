package Interrupt;

# Runs code, and a handler once inside of it, while it waits. No clock decides when: the handler is called after $ready has
# been true three times in a row, at looks that begin 20 ms after the end of the one before. So a machine that is slow to
# begin the code, or to answer the look, only makes for more looks.
#
#   use Interrupt;
#   my ($ran, $error, @got) = interrupt(sub { $server->passed('here') }, sub { die "alarmed\n" }, sub { $client->send });
#
# $ran: the handler was called. $error: what came out of the code by die, '' if nothing did. A handler that dies does so
# through the code.

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes ();

our @EXPORT = qw(interrupt);

use constant { PAUSE => 0.02, LOOKS => 3 };

# A signal that comes late finds no handler any more.
$SIG{ALRM} = 'IGNORE';

sub interrupt {
    my ($ready, $handler, $code) = @_;
    my ($ran, $true) = (0, 0);
    my $look = sub {
        return if $ran;
        $true = $ready->() ? $true + 1 : 0;
        return _arm(PAUSE) if $true < LOOKS;
        $ran = 1;
        $handler->();
        return;
    };
    my ($error, @got) = ('');
    {
        local $@;
        local $SIG{ALRM} = $look;
        _arm(PAUSE);
        my $whole = eval { @got = $code->(); 1 };
        $error = $@ if !$whole;
        _arm(0);
    }
    return ($ran, $error, @got);
}

sub _arm { Time::HiRes::setitimer(Time::HiRes::ITIMER_REAL(), $_[0]); return }

1;
