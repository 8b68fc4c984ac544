package Mail::Wire::Dial;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Errno ();
use Mail::Wire ();
use Mail::Wire::Address ();
use Mail::Wire::Options ();
use Mail::Wire::Proxied ();
use Mail::Wire::Standard ();
use Mail::Wire::TLS ();
use Scalar::Util qw(openhandle);
use Socket ();
use Symbol ();

# A connection in the making, for both classes, whether they may wait or not: start resolves the name, handle goes through the phases.
# What connects, and family, are in the glue.

# A phase returns true when it is done, 0 when that takes time and must not be waited for, undef when it failed: $@ and $! say why. A new one
# is a row here. Its second value is whether it is taken.
my @phases = (
    [ \&_connected, sub { 1 } ],
    [ \&_announced, sub { $_[0]{proxy} } ],
    [ \&_secured,   sub { $_[0]{tls} } ],
);

# Where to connect to. The port behind a host ("localhost:24", "[::1]:lmtp(24)") goes before one that is given apart; two colons make
# an IPv6 address. "lmtp(24)" is a service name and what to do when it is unknown, as IO::Socket::INET has it.
sub place {
    my ($host, $port) = @_;
    return ($host) if defined $host and $host =~ m{\A/};
    ($host, $port) = ($1, $2) if defined $host and $host =~ /\A([^:\/]+|\[[^\]]*\]):([\w-]+(?:\(\d+\))?)\z/;
    my ($service, $number) = (defined $port ? $port : '') =~ /\A(.*?)(?:\((\d+)\))?\z/s;
    return ($host, $port) if not defined $number;
    return ($host, getservbyname($service, 'tcp') ? $service : $number);
}

# The name that a server which was connected to by this host must have; '' for a UNIX-domain socket and when there is none.
sub name {
    my ($host) = @_;
    return '' if not defined $host or $host =~ m{\A/};
    my ($name) = place($host);
    $name =~ s/\A\[(.*)\]\z/$1/;
    $name =~ s/%.*|\.\z//;
    return $name;
}

# to: host, port, local (a list of host and port), family, seconds; or socket, a handle that is connected; proxy, a plan of the PROXY header; for
# TLS: tls (a plan), tls_seconds; within: seconds that all of it may take, 0 is no limit. Nothing, with the reason in $@ and $!, for what cannot
# even be tried.
sub start {
    my ($class, %to) = @_;
    my @local = @{ $to{local} };
    if (grep { defined and /\0/ } @to{qw(host port)}, @local) {
        ($@, $!) = ('NUL in the name of a host or a port', Errno::EINVAL());
        return;
    }
    if (grep { ref and not Mail::Wire::Address::is_text($_) } @to{qw(host port)}, @local) {
        ($@, $!) = ('a reference is no name of a host or a port', Errno::EINVAL());
        return;
    }
    $to{family} ||= 0;
    if ($to{family} !~ /\A[0-9]{1,5}\z/) {
        ($@, $!) = ("Domain and Family are numbers, such as AF_INET of Socket, and not '$to{family}'", Errno::EINVAL());
        return;
    }
    if ($to{tls} and not Mail::Wire::TLS::fits($to{tls}, name($to{host}))) {
        $! = Errno::EINVAL();
        return;
    }
    my $dial = bless { %to, phases => [ grep { $_->[1]->(\%to) } @phases ], handle => Symbol::gensym() }, $class;
    $dial->{ends} = Mail::Wire::_now() + $to{within} if $to{within};
    $dial->_attach((place(@to{qw(host port)}))[0, 1], (place(@local))[0, 1], $to{family}, $dial->_seconds('seconds')) if not $to{socket};
    return $dial;
}

# A phase's own limit, but no more than is left of the whole.
sub _seconds {
    my ($dial, $limit) = @_;
    my $left = $dial->{ends} ? $dial->{ends} - Mail::Wire::_now() : 0;
    return Mail::Wire::Options::least($dial->{$limit}, $dial->{ends} && $left <= 0 ? 1e-3 : $left);
}

# The connected handle; 0 or undef as of a phase.
sub handle {
    my ($dial, $may_wait) = @_;
    my $phases = $dial->{phases};
    while (@$phases) {
        my $is = $phases->[0][0]->($dial, $may_wait);
        return $is if not $is;
        shift @$phases;
    }
    return $dial->{handle};
}

sub _connected {
    my ($dial, $may_wait) = @_;
    my $socket = $dial->{socket};
    my $fd = $socket ? _fileno_of($socket) : $dial->_go($may_wait ? 1 : 0);
    return $fd == -1 ? 0 : undef if $fd < 0;
    my $handle = $dial->{handle};
    if (Mail::Wire::Standard::apart(sub { open $handle, '+<&=', $fd })) {
        binmode $handle;
        return 1;
    }
    $@ = "open: $!";
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# -2 and $@, $! when it cannot be used.
sub _fileno_of {
    my ($socket) = @_;
    my $fd = defined openhandle($socket) ? CORE::fileno $socket : undef;
    my $is_usable = defined $fd && $fd >= 0 && !tied *$socket;
    my $is_connected = $is_usable && defined getpeername $socket;
    return $fd if $is_connected and unpack('i', getsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_TYPE()) == Socket::SOCK_STREAM();
    ($@, $!)
        = !defined $fd  ? ('Socket: the handle is not open', Errno::EBADF())
        : tied *$socket ? ('Socket: the handle is tied', Errno::EINVAL())
        : $is_connected ? ('Socket: the handle is no stream socket', Errno::EPROTOTYPE())
        :                 ('Socket: the handle is not a connected socket', Errno::ENOTCONN());
    return -2;
}

sub _announced { return Mail::Wire::Proxied::announced(@{ $_[0] }{qw(proxy handle)}) }

sub family {
    my ($dial) = @_;
    return $dial->{socket} ? Socket::sockaddr_family(getsockname $dial->{handle}) : $dial->_family;
}

sub _secured {
    my ($dial, $may_wait) = @_;
    my $tls = $dial->{shake} ||= Mail::Wire::TLS->start(@{$dial}{qw(tls handle)}, name($dial->{host}), $dial->_seconds('tls_seconds'))
        or return undef;    ## no critic (ProhibitExplicitReturnUndef)
    return $may_wait ? $tls->go : $tls->step;
}

# A connection that a caller's handle holds, too; undef for no handle.
sub held { return $_[0] && [ $_[0], $$ ] }

# Ends it. A copy in another process must not end what that one goes on with.
sub end {
    my ($held) = @_;
    my ($given, $pid) = $held ? @$held : ();
    shutdown $given, 2 if $given and $pid == $$ and defined CORE::fileno $given;
    return;
}

# What is waited for, and how long: negative is no limit.
sub fileno      { return $_[0]{shake} ? $_[0]{shake}->fileno : $_[0]->_fileno }
sub timeout_in  { return $_[0]{shake} ? $_[0]{shake}->timeout_in : $_[0]->_timeout_in }
sub wants_write { return !$_[0]{shake} || $_[0]{shake}->wants eq 'write' }

1;
