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
use POSIX ();
use Socket;
use Storable qw(nfreeze thaw);
use Sweep::LMTPServer;
use Sweep::QMTPServer;
use Sweep::Wire;

use constant LIFE => 120;   # seconds that a run may take before the peer gives up

my %serve = (lmtp => \&Sweep::LMTPServer::serve, qmtp => \&Sweep::QMTPServer::serve);

sub new {
    my ($class, $protocol) = @_;
    socket(my $listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($listener, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
    listen($listener, 16) or die "listen: $!";
    my ($port) = unpack_sockaddr_in(getsockname $listener);
    socketpair(my $parent, my $child, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        close $parent;
        eval { work($protocol, $listener, $child); 1 } or print STDERR "peer: $@";
        POSIX::_exit(0);
    }
    return bless { pid => $pid, port => $port, control => $parent }, $class;
}

sub port { $_[0]{port} }

sub next {
    my ($self, $setup) = @_;
    put_frame($self->{control}, $setup);
    return;
}

sub truth {
    my ($self) = @_;
    put_frame($self->{control}, {});
    my $sessions = get_frame($self->{control}) or die 'the peer is gone';
    return @$sessions;
}

sub stop {
    my ($self) = @_;
    kill 'TERM', $self->{pid};
    1 while waitpid($self->{pid}, 0) < 0 && $! == EINTR;
    return;
}

# ---------------------------------------------------------------- the child

sub work {
    my ($protocol, $listener, $control) = @_;
    $SIG{PIPE} = 'IGNORE';
    $SIG{ALRM} = 'DEFAULT';
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

# ---------------------------------------------------------------- frames: four bytes of length and a frozen structure

sub put_frame {
    my ($handle, $data) = @_;
    my $bytes = pack 'N/a*', nfreeze($data);
    while (length $bytes) {
        my $put = syswrite $handle, $bytes;
        next if !defined $put && $! == EINTR;
        die "control: $!" if !$put;
        substr $bytes, 0, $put, '';
    }
    return;
}

sub get_frame {
    my ($handle) = @_;
    my $size = read_whole($handle, 4);
    return if length $size < 4;
    return thaw(read_whole($handle, unpack 'N', $size));
}

sub read_whole {
    my ($handle, $length) = @_;
    my $bytes = '';
    while (length $bytes < $length) {
        my $got = sysread $handle, $bytes, $length - length $bytes, length $bytes;
        next if !defined $got && $! == EINTR;
        last if !$got;
    }
    return $bytes;
}

1;
