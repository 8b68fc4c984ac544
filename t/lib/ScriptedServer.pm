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
#
# At a script's end the server reads until the client closes (mark 'eof') and accepts the next one. A
# client that comes while the server waits for another's bytes is served at once; the link to the one before stays open,
# but is not served any more.
# A line that is not the expected one is noted in problems() and the connection is closed.
#
# Parent:  host  port  path  args  received(N)  connections  problems  await(NAME)  passed(NAME)  release  stop

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EINTR);
use File::Temp ();
use IO::Handle;
use POSIX ();
use Scalar::Util qw(weaken);
use Socket;

use ScriptedServer::Child;
use ScriptedServer::Session;

my %Running;    # pid => server, weak

sub new {
    my ($class, %arg) = @_;
    my $self = bless {}, $class;
    my $scripts = $arg{scripts} || [ $arg{script} ];
    ref or croak 'a script is a list or a code reference' for @$scripts;
    my $listener = $self->_listen(%arg);

    socketpair(my $parent, my $child, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        eval { ScriptedServer::Child->new($listener, $child)->run($scripts); 1 }
            or print STDERR "ScriptedServer: $@";
        POSIX::_exit(0);
    }
    $parent->autoflush(1);
    @$self{qw(pid owner control)} = ($pid, $$, $parent);
    weaken($Running{$pid} = $self);
    return $self;
}

# Takes no connection, but keeps the port from others: connecting is refused.
sub refusing_port {
    my ($class) = @_;
    socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($socket, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
    my ($port) = unpack_sockaddr_in(getsockname $socket);
    return ($port, $socket);
}

sub has_ipv6 {
    return 0 if !defined &Socket::pack_sockaddr_in6;
    socket(my $socket, AF_INET6, SOCK_STREAM, 0) or return 0;
    return bind($socket, Socket::pack_sockaddr_in6(0, Socket::inet_pton(AF_INET6, '::1'))) ? 1 : 0;
}

sub _listen {
    my ($self, %arg) = @_;
    my $kind = $arg{listen} || 'ipv4';
    my ($family, $address);
    if ($kind eq 'unix') {
        $self->{folder} = File::Temp->newdir;
        $self->{path}   = "$self->{folder}/socket";
        ($family, $address) = (AF_UNIX, pack_sockaddr_un($self->{path}));
    }
    elsif ($kind eq 'ipv6') {
        $self->{host} = '::1';
        ($family, $address) = (AF_INET6, Socket::pack_sockaddr_in6(0, Socket::inet_pton(AF_INET6, '::1')));
    }
    else {
        $self->{host} = '127.0.0.1';
        ($family, $address) = (AF_INET, pack_sockaddr_in(0, INADDR_LOOPBACK));
    }
    socket(my $listener, $family, SOCK_STREAM, 0) or die "socket: $!";
    setsockopt($listener, SOL_SOCKET, SO_RCVBUF, pack 'i', $arg{rcvbuf}) if $arg{rcvbuf};
    bind($listener, $address) or die "bind: $!";
    listen($listener, 16) or die "listen: $!";
    my $name = getsockname $listener;
    $self->{port} = $kind eq 'ipv6' ? (Socket::unpack_sockaddr_in6($name))[0] : (unpack_sockaddr_in($name))[0]
        if $kind ne 'unix';
    return $listener;
}

sub host { $_[0]{host} }
sub port { $_[0]{port} }
sub path { $_[0]{path} }
sub pid  { $_[0]{pid} }

# What a client's constructor takes: (HOST, PORT) or (PATH, undef).
sub args {
    my ($self) = @_;
    return defined $self->{path} ? ($self->{path}, undef) : ($self->{host}, $self->{port});
}

# Every byte received on connection N (from 0; default: the latest), also those the script has
# not come to; '' before there is one.
sub received {
    my ($self, $n) = @_;
    return $self->_ask('received ' . (defined $n ? $n : -1));
}

sub connections { $_[0]->_ask('connections') }
sub problems    { split /\n/, $_[0]->_ask('problems') }

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

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    return if $self->{owner} != $$;
    delete $Running{$pid};
    local ($?, $!, $@);
    kill 'KILL', $pid;
    1 while waitpid($pid, 0) < 0 && $! == EINTR;
    close $self->{control};
    return;
}

# A signal may interrupt the test while it asks; its answer is four bytes of length and a text.
sub _ask {
    my ($self, $question) = @_;
    defined $self->{pid} or croak 'the server was stopped';
    local $SIG{PIPE} = 'IGNORE';
    defined syswrite($self->{control}, "$question\n") or return '';
    return _read_whole($self->{control}, unpack 'N', _read_whole($self->{control}, 4) || "\0\0\0\0");
}

sub _read_whole {
    my ($handle, $length) = @_;
    my $bytes = '';
    while (length $bytes < $length) {
        my $got = sysread $handle, $bytes, $length - length $bytes, length $bytes;
        next if !defined $got && $! == EINTR;
        return '' if !$got;
    }
    return $bytes;
}

# A script that speaks LMTP by a table: see ScriptedServer::Session.
sub session {
    my (%answer) = @_;
    return sub { ScriptedServer::Session->new($_[0], %answer)->run };
}

sub DESTROY { $_[0]->stop }

END {
    my @left = grep { $_ } values %Running;
    $_->stop for @left;
}

1;
