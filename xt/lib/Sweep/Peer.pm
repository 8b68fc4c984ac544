package Sweep::Peer;

# The server's process. It serves one run after the other, each with the fault that it is told, and hands out the truth.
#
#   my $peer = Sweep::Peer->new('lmtp');
#   $peer->next({ keywords => [...], fault => {...} });     # the fault is in the first connection, others are honest
#   ... the client's work at $peer->port, to its end ...
#   my @sessions = $peer->truth;                            # of each connection: Sweep::Wire's truth, and the server's

use strict;
use warnings;

use Errno qw(EINTR);
use ServerProcess qw(put_frame get_frame);
use Socket;
use Sweep::LMTPServer;
use Sweep::QMTPServer;
use Sweep::Wire;

our @ISA = 'ServerProcess';

use constant LIFE => 120;   # seconds that a run may take before the peer gives up

my %serve = (lmtp => \&Sweep::LMTPServer::serve, qmtp => \&Sweep::QMTPServer::serve);

sub new {
    my ($class, $protocol) = @_;
    my $self = $class->SUPER::new;
    $self->listen_on('ipv4');
    return $self->start(sub { work($protocol, @_) });
}

sub next {
    my ($self, $setup) = @_;
    put_frame($self->{control}, $setup) or die 'the peer is gone';
    return;
}

sub truth {
    my ($self) = @_;
    put_frame($self->{control}, {});
    my $sessions = get_frame($self->{control}) or die 'the peer is gone';
    return @$sessions;
}

# ---------------------------------------------------------------- the child

sub work {
    my ($protocol, $listener, $control) = @_;
    while (my $setup = get_frame($control)) {
        alarm LIFE;
        # Where nothing is read, large messages must wait in the client.
        setsockopt $listener, SOL_SOCKET, SO_RCVBUF, pack 'i', $setup->{fault}{does} eq 'deaf' ? 4096 : 1_000_000;
        my @sessions;
        while (next_is($listener, $control)) {
            accept(my $socket, $listener) or next;
            my $wire = Sweep::Wire->new($socket, delete $setup->{fault});
            my $more = $serve{$protocol}->($wire, $setup);
            push @sessions, { %{ $wire->truth }, %$more };
        }
        get_frame($control) or return;
        put_frame($control, \@sessions);
        alarm 0;
    }
    return;
}

# True for a connection, false for word from the parent.
sub next_is {
    my ($listener, $control) = @_;
    my ($wanted, $ready) = ('');
    vec($wanted, fileno $_, 1) = 1 for $listener, $control;
    1 while select($ready = $wanted, undef, undef, undef) < 0 && $! == EINTR;
    return vec $ready, fileno $listener, 1;
}

1;
