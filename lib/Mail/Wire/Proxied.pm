package Mail::Wire::Proxied;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(carp croak);
use Errno qw(EINVAL);
use Mail::Wire ();
use Mail::Wire::Address ();
use Mail::Wire::Standard ();
use Socket ();

# For a client that is a proxy: it tells the server who its own client is. By the header of the PROXY protocol (haproxy's proxy-protocol.txt),
# which goes in front of everything, and by XCLIENT and XFORWARD (Postfix).

our @CARP_NOT = ('Net::LMTP');

# ---------------------------------------------------------------- the PROXY protocol

use constant SIGNATURE => "\r\n\r\n\0\r\nQUIT\n";

my @known = qw(DestAddr DestPort SourceAddr SourcePort Version);

# For new: what ProxyProtocol asks for; nothing, and the reason in $@, when it cannot be had.
sub plan {
    my ($given) = @_;
    my %how = ref $given eq 'HASH' ? %$given : (Version => $given);
    my %is_known = map { $_ => 1 } @known;
    if (my ($unknown) = grep { !$is_known{$_} } sort keys %how) {
        return _wrong("has no '$unknown', it has @known");
    }
    my $version = defined $how{Version} ? $how{Version} : 2;
    return _wrong("Version must be 1 or 2, not '$version'") if $version !~ /\A[12]\z/;
    my %plan = (version => $version, ports => [ @how{qw(SourcePort DestPort)} ]);
    foreach my $name (qw(SourcePort DestPort)) {
        my $port = $how{$name};
        return _wrong("$name must be a number up to 65535, not '$port'") if defined $port and ($port !~ /\A[0-9]{1,5}\z/ or $port > 65535);
    }
    foreach my $name (qw(SourceAddr DestAddr)) {
        my $address = $how{$name};
        my $packed = defined $address ? _packed($address) : undef;
        return _wrong("$name must be an IPv4 or IPv6 address, not '$address'") if defined $address and not defined $packed;
        push @{ $plan{addresses} }, $packed;
    }
    my @lengths = map { defined() ? length : () } @{ $plan{addresses} };
    return _wrong('SourceAddr and DestAddr must be of one family') if @lengths == 2 and $lengths[0] != $lengths[1];
    return \%plan;
}

sub _wrong {
    ($@, $!) = ("ProxyProtocol: $_[0]", EINVAL);
    return;
}

# An address in 4 octets or 16; undef for none. inet_aton alone would look for a host of that name.
sub _packed {
    my ($address) = @_;
    my @octets = $address =~ /\A([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\z/;
    return(grep({ $_ > 255 } @octets) ? undef : pack 'C4', @octets) if @octets;
    return undef if $address !~ /\A[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\z/ or not defined &Socket::inet_pton;    ## no critic (ProhibitExplicitReturnUndef)
    return Socket::inet_pton(Socket::AF_INET6(), $address);
}

# An end of the connection that there is: address and port; nothing for what is not TCP.
sub _end {
    my ($name) = @_;
    my $family = defined $name && length $name ? Socket::sockaddr_family($name) : Socket::AF_UNIX();
    return (reverse Socket::unpack_sockaddr_in($name))[ 0, 1 ] if $family == Socket::AF_INET();
    return if not defined &Socket::unpack_sockaddr_in6 or $family != Socket::AF_INET6();
    return (reverse((Socket::unpack_sockaddr_in6($name))[ 0, 1 ]))[ 0, 1 ];
}

# The header for a connection; what is not given is this connection's own. Where nothing was given and nothing is known, as on a UNIX-domain
# socket, it says so: the server takes its own client for the one that is meant. Nothing, and the reason in $@, where it would lose what was given.
sub header {
    my ($plan, $handle) = @_;
    my @own = map { [ _end($_) ] } scalar getsockname $handle, scalar getpeername $handle;
    my (@addresses, @ports);
    foreach my $i (0, 1) {
        push @addresses, defined $plan->{addresses}[$i] ? $plan->{addresses}[$i] : $own[$i][0];
        push @ports,     defined $plan->{ports}[$i]     ? $plan->{ports}[$i]     : $own[$i][1];
    }
    my $is_known = 4 == grep {defined} @addresses, @ports;
    $is_known &&= length $addresses[0] == length $addresses[1];
    return _wrong('addresses and ports of both ends are needed, in one family')
        if not $is_known and grep {defined} @{ $plan->{addresses} }, @{ $plan->{ports} };
    return $plan->{version} == 1 ? _text($is_known, \@addresses, \@ports) : _binary($is_known, \@addresses, \@ports);
}

sub _text {
    my ($is_known, $addresses, $ports) = @_;
    return "PROXY UNKNOWN\r\n" if not $is_known;
    my $is_4 = length $addresses->[0] == 4;
    my @shown = map { $is_4 ? Socket::inet_ntoa($_) : Socket::inet_ntop(Socket::AF_INET6(), $_) } @$addresses;
    return 'PROXY ' . ($is_4 ? 'TCP4' : 'TCP6') . " @shown @$ports\r\n";
}

# Version 2 and the command, LOCAL or PROXY; family and stream; how long the rest is, and the rest.
sub _binary {
    my ($is_known, $addresses, $ports) = @_;
    return SIGNATURE . pack 'C C n', 0x20, 0, 0 if not $is_known;
    return SIGNATURE . pack 'C C n/a*', 0x21, length $addresses->[0] == 4 ? 0x11 : 0x21, join '', @$addresses, pack 'n n', @$ports;
}

# A phase of Mail::Wire::Dial. So few bytes fit a new connection's buffer.
sub announced {
    my ($plan, $handle) = @_;
    my $header = header($plan, $handle);
    return undef if not defined $header;    ## no critic (ProhibitExplicitReturnUndef)
    my $sent = Mail::Wire::Standard::unpiped(sub { syswrite $handle, $header });
    return 1 if defined $sent and $sent == length $header;
    $@ = 'PROXY: ' . (defined $sent ? 'the header was not sent whole' : $!);
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# ---------------------------------------------------------------- XCLIENT, XFORWARD

# What a method is given, a hash or a reference to one.
sub attributes {
    my ($method, @given) = @_;
    return $given[0] if @given == 1 and ref $given[0] eq 'HASH';
    croak "Net::LMTP::$method: an odd number of arguments, where names and values are due" if @given % 2;
    return {@given};
}

# Sends the attributes that the server lists. Whether it has taken them.
sub _tell {
    my ($self, $verb, $attributes) = @_;
    my @words = $self->_told($verb, $attributes) or return 0;
    my $send = $self->can("_$verb");
    return $self->$send(@words);
}

# What is sent; nothing: the status says why.
sub _told {
    my ($self, $verb, $attributes) = @_;
    my $listed = $self->supports($verb);
    if (not defined $listed) {
        $self->_out_of_place("$verb is not offered by the server");
        return;
    }
    my %value = map { uc $_ => $attributes->{$_} } keys %$attributes;
    my %is_listed = map { uc $_ => 1 } split ' ', $listed;
    if (my @others = grep { !$is_listed{$_} } sort keys %value) {
        carp 'Net::LMTP::' . lc($verb) . ": not supported by host: @others";
        delete @value{@others};
    }
    my ($reference) = grep { ref $value{$_} and not Mail::Wire::Address::is_text($value{$_}) } sort keys %value;
    my $wrong = !%value ? 'no attribute that the server takes' : defined $reference ? "the value of $reference is a reference" : undef;
    if (defined $wrong) {
        $self->_refuse("$verb: $wrong");
        return;
    }
    return map { "$_=" . Mail::Wire::_xtext(defined $value{$_} ? $value{$_} : '[UNAVAILABLE]') } sort keys %value;
}

sub xforward { my ($self, @attributes) = @_; return $self->_tell(XFORWARD => attributes(xforward => @attributes)) }

# ---------------------------------------------------------------- TRACE (Cyrus)

sub trace {
    my ($self, $id) = @_;
    return $self->_out_of_place('TRACE is not offered by the server') || 0 if not defined $self->supports('TRACE');
    return $self->_TRACE($id);
}

1;
