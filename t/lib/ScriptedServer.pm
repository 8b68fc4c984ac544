package ScriptedServer;

# A server for tests that does exactly what its script says. It runs in a child of the test; the
# parent talks to it over a socket pair, so that a test waits for events and never sleeps.
#
#   my $server = ScriptedServer->new(
#       listen => 'ipv4',                   # or 'ipv6', 'unix'
#       rcvbuf => 4096,                     # keeps what the kernel takes unread small
#       script => [ reply => '220 hi', expect => qr/^LHLO /, reply => '250 me', ... ],
#       script => sub { my ($peer) = @_; $peer->reply('220 hi'); ... },
#       scripts => [ $first, $second ],     # one per connection, the last for all further ones
#   );
#
# A list is pairs of verb and argument; a code reference calls the same verbs as methods:
#
#   send      bytes, as they are
#   reply     a reply or a list of them, "\r\n" added to each that has no line end
#   trickle   bytes, one write each
#   expect    reads a line; a string is compared, a regexp matched, undef takes any. Returns it
#   data      reads to the line of one dot. Returns what was before it
#   bytes     reads that many bytes. Returns them
#   mark      parent's await(NAME) returns
#   stall     mark(NAME), then waits for a release by the parent; reads nothing meanwhile
#   close     FIN        (then mark 'closed')
#   reset     RST        (then mark 'closed')
#   finish    FIN, but goes on reading (then mark 'closed')
#   tls       TLS from now on, as its server: a reference to a hash of IO::Socket::SSL's options. When the handshake fails it closes
#
# At a script's end the server reads until the client closes (mark 'eof') and accepts the next one. A
# client that comes while the server waits for another's bytes is served at once; the link to the one before stays open,
# but is not served any more.
# A line that is not the expected one, or a script that dies, is noted in problems() and the connection is closed. Problems that no
# test has asked for fail it.
#
# Parent:  host  port  path  args  received(N)  connections  problems  await(NAME)  passed(NAME)  release  stop

use strict;
use warnings;

use Carp qw(croak);
use IO::Handle;
use Socket;

use ScriptedServer::Child;
use ScriptedServer::Session;
use ServerProcess;

our @ISA = 'ServerProcess';

sub new {
    my ($class, %arg) = @_;
    my $scripts = $arg{scripts} || [ $arg{script} ];
    ref or croak 'a script is a list or a code reference' for @$scripts;
    my $self = $class->SUPER::new;
    $self->listen_on($arg{listen} || 'ipv4', %arg);
    pipe $self->{told}, my $tell or die "pipe: $!";
    return $self->start(sub { ScriptedServer::Child->new(@_, $tell)->run($scripts) }, keep => [$tell]);
}

# Takes no connection, but keeps the port from others: connecting is refused.
sub refusing_port {
    my ($class) = @_;
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($socket, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
    return (ServerProcess::port_of($socket), $socket);
}

# Takes no connection either, as its queue is full: connecting waits. Nothing where the system has no such queue.
sub full_port {
    my ($class) = @_;
    return if $^O ne 'linux';
    socket(my $listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($listener, pack_sockaddr_in(0, INADDR_LOOPBACK)) && listen($listener, 0) or die "listen: $!";
    my @waiting = map {
        socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
        $socket->blocking(0);
        connect $socket, getsockname $listener;
        $socket;
    } 1 .. 8;
    return (ServerProcess::port_of($listener), [ $listener, @waiting ]);
}

# Every byte received on connection N (from 0; default: the latest), also those the script has
# not come to; '' before there is one.
sub received {
    my ($self, $n) = @_;
    return $self->_ask('received ' . (defined $n ? $n : -1));
}

sub connections { $_[0]->_ask('connections') }

sub problems {
    my ($self) = @_;
    $self->{asked} = 1;
    return $self->_problems;
}

sub _problems {
    my ($self) = @_;
    $self->{told}->blocking(0);
    1 while sysread $self->{told}, $self->{problems}, 4096, length($self->{problems} || '');
    return split /\n/, defined $self->{problems} ? $self->{problems} : '';
}

sub stop {
    my ($self) = @_;
    my $runs = defined $self->{pid} && $self->is_ours;
    $self->SUPER::stop;
    $self->fail($self->_problems) if $runs and !$self->{asked} and $self->_problems;
    return;
}

# Waits until the script has passed the mark, on any connection. True unless the server is gone.
sub await {
    my ($self, $name) = @_;
    return $self->_ask("await $name") eq 'ok';
}

# Whether it has.
sub passed {
    my ($self, $name) = @_;
    return $self->_ask("passed $name") eq 'ok';
}

# Lets a stalled script go on; one that is not stalled yet won't stall once.
sub release {
    my ($self) = @_;
    return $self->_ask('release') eq 'ok';
}

# A signal may interrupt the test while it asks; its answer is four bytes of length and a text.
sub _ask {
    my ($self, $question) = @_;
    defined $self->{pid} or croak 'the server was stopped';
    ServerProcess::write_whole($self->{control}, "$question\n") or return '';
    my $answer = ServerProcess::get_bytes($self->{control});
    return defined $answer ? $answer : '';
}

# A script that speaks LMTP by a table: see ScriptedServer::Session.
sub session {
    my (%answer) = @_;
    return sub { ScriptedServer::Session->new($_[0], %answer)->run };
}

1;
