package Mail::Wire::Dial;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Errno ();
use Mail::Wire ();
use Mail::Wire::Standard ();

# A connection in the making, for both classes, whether they may wait or not: start resolves the name, into connects and puts the connected
# socket into a handle. family, fileno and timeout_in are in the glue.

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

# Nothing, with the reason in $@ and $!, for a name that would be cut.
sub start {
    my ($class, $host, $port, $local, $family, $seconds) = @_;
    if (grep { defined and /\0/ } $host, $port, @$local) {
        ($@, $!) = ('NUL in the name of a host or a port', Errno::EINVAL());
        return;
    }
    my $dial = bless {}, $class;
    $dial->_attach((place($host, $port))[0, 1], (place(@$local))[0, 1], $family || 0, $seconds);
    return $dial;
}

# True: connected; 0: that takes time, and must not be waited for; undef: it failed, $@ and $! say why.
sub into {
    my ($dial, $handle, $may_wait) = @_;
    my $fd = $dial->_go($may_wait ? 1 : 0);
    return $fd == -1 ? 0 : undef if $fd < 0;
    if (Mail::Wire::Standard::apart(sub { open $handle, '+<&=', $fd })) {
        binmode $handle;
        return 1;
    }
    $@ = "open: $!";
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

1;
