package Mail::Wire::AUTH;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Address ();
use Mail::Wire::Client ();
use Mail::Wire::Dial ();
use Mail::Wire::Fault ();
use Mail::Wire::SASL ();
use Mail::Wire::TLS ();
use MIME::Base64 ();
use Net::Cmd;
use Scalar::Util qw(blessed);
use Socket ();

# AUTH of Net::LMTP (RFC 4954): which mechanism is tried, and what is said on the wire. Nothing of a login is kept here.
# What of it is secret the core knows (c/secrets.h), and hides where the server repeats it, as some do with what they do not understand.

# RFC 5321 4.5.3.1.4, without the line's end: an initial response that makes AUTH longer waits for a challenge (RFC 4954 4).
use constant COMMAND_MAX => 510;

# The octets of an answer in base64 (RFC 4954 4).
use constant ANSWER_MAX => 12288;

# Challenges to one mechanism. None of them needs as many.
use constant CHALLENGES_MAX => 16;

# The octets that are shown of what a mechanism was told.
use constant DETAIL_MAX => 1000;

# ---------------------------------------------------------------- what the caller gives

# Of what auth or new was given: the login; an empty list when there is none; undef and why when it cannot be used.
sub who {
    my ($arg) = @_;
    my %login = (plain => $arg->{AllowPlaintextAuth} ? 1 : 0);
    if (blessed $arg->{User} and $arg->{User}->isa('Authen::SASL')) {
        return { %login, sasl => $arg->{User}, mechanisms => _names($arg->{User}->mechanism) };
    }
    foreach my $name (grep { defined $arg->{$_} } qw(User Password Token)) {
        return (undef, "$name must be text") if ref $arg->{$name} and not Mail::Wire::Address::is_text($arg->{$name});
        $login{ lc $name } = Mail::Wire::SASL::octets($arg->{$name});
    }
    $login{mechanisms} = _names($arg->{Mechanisms});
    my $is_external = grep { $_ eq 'EXTERNAL' } @{ $login{mechanisms} };
    return if not $is_external and not grep { exists $login{$_} } qw(user password token);
    my $why = _wrong(\%login, $is_external);
    return (undef, $why) if defined $why;
    $login{user} = '' if not defined $login{user};
    return \%login;
}

sub _names {
    my ($mechanisms) = @_;
    return [ map { split /[^A-Z0-9_-]+/, uc $_ } grep { defined $_ } ref $mechanisms eq 'ARRAY' ? @$mechanisms : $mechanisms ];
}

# Octets that would be the mechanism's own are not in any of them.
sub _wrong {
    my ($login, $is_external) = @_;
    my ($user, $password, $token) = @{$login}{qw(user password token)};
    return 'Password needs a User' if defined $password and not length(defined $user ? $user : '');
    return 'User needs a Password, a Token or the mechanism EXTERNAL' if not $is_external and not defined $password and not defined $token;
    return 'User has a control character' if defined $user and $user =~ /[\x00-\x1f\x7f]/;
    return 'Password is empty, or has a NUL' if defined $password and $password !~ /\A[^\0]+\z/;
    return 'Token must be printable ASCII' if defined $token and $token !~ /\A[\x21-\x7e]+\z/;
    return;
}

# ---------------------------------------------------------------- which mechanism

# Mechanisms to try, in order; none: the status says why.
sub _candidates {
    my ($lmtp, $login) = @_;
    return if not defined $lmtp->supports('AUTH', 500, ["Command unknown: 'AUTH'"]);
    my $offered = $lmtp->_keyword('AUTH');    # not hidden, where a password is the name of a mechanism
    my %is_offered = map { uc $_ => 1 } split ' ', $offered;
    my @wanted = @{ $login->{mechanisms} } ? @{ $login->{mechanisms} } : Mail::Wire::SASL::usual();
    my @common = grep { $is_offered{$_} and Mail::Wire::SASL::is_possible($_, $login) } @wanted;
    my $is_safe = $login->{plain} || is_private($lmtp) || Mail::Wire::TLS::is_verified($lmtp);
    my @allowed = grep { $is_safe or not Mail::Wire::SASL::shows_secret($_) } @common;
    return @allowed if @allowed;
    my ($code, $why) = @common
        ? (538, "$common[0] shows the secret to the network: it needs verified TLS, a UNIX-domain socket, loopback, or AllowPlaintextAuth")
        : (504, "No mechanism in common: the server offers '$offered', for this login there are '@wanted'");
    $lmtp->set_status($code, [ _shown($lmtp, 0, $why) ]);
    return;
}

# Whether what is sent stays on this machine.
sub is_private {
    my ($lmtp) = @_;
    my $peer = getpeername $lmtp or return 0;
    my $family = Socket::sockaddr_family($peer);
    return 1 if $family == Socket::AF_UNIX();
    my $address = $family == Socket::AF_INET() ? (Socket::unpack_sockaddr_in($peer))[1] : (Socket::unpack_sockaddr_in6($peer))[1];
    return $address =~ /\A(?:\0{10}\xff\xff)?\x7f...\z/s || $address eq "\0" x 15 . "\1" ? 1 : 0;
}

# ---------------------------------------------------------------- the exchange

# True when the server knows who we are, and the status is its reply. Else the status says why.
sub authenticate {
    my ($lmtp, $login) = @_;
    my $exchange = begun($lmtp, $login) or return 0;
    my $is;
    $is = heard($lmtp, $exchange) until defined $is;
    return $is;
}

# The same in steps, each of which ends where a reply is waited for. An exchange is a reference to a hash: the mechanisms that are left, the one
# whose turn it is, how many of its commands were sent, and why it was given up. Nothing when there can be none.
sub begun {
    my ($lmtp, $login) = @_;
    my $exchange = { login => $login, left => [ _candidates($lmtp, $login) ] };
    return if not @{ $exchange->{left} };
    $lmtp->_add_secret($_) foreach grep {defined} @{$login}{qw(password token)};
    return _begin_next($lmtp, $exchange) ? $exchange : ();
}

# True when a mechanism has its turn.
sub _begin_next {
    my ($lmtp, $exchange) = @_;
    my @why;
    while (defined(my $name = shift @{ $exchange->{left} })) {
        my $turn = _turn($lmtp, $name, $exchange->{login});
        if (ref $turn) {
            @{$exchange}{qw(turn count given_up)} = ($turn, 1, undef);
            $lmtp->command('AUTH', $name, _initial($turn));
            return 1;
        }
        push @why, $turn;
    }
    $lmtp->set_status(504, \@why) if @why;
    return 0;
}

# Reads the reply: 1 or 0 as authenticate returns, or undef when another one is to be read.
sub heard {
    my ($lmtp, $exchange) = @_;
    my $digit = $lmtp->response;
    return _cancelled($lmtp, $exchange, $digit) if defined $exchange->{given_up};
    if ($digit == CMD_MORE) {
        _go_on($lmtp, $exchange);
        return undef;    ## no critic (ProhibitExplicitReturnUndef)
    }
    if ($lmtp->status == CMD_OK) {
        return 1 if _is_proven($lmtp, $exchange->{turn});
    }
    else {
        _settle($lmtp, $exchange->{turn});
    }
    $exchange->{left} = [ _others($lmtp->code, @{ $exchange->{left} }) ];
    return _begin_next($lmtp, $exchange) ? undef : 0;
}

# Answers a challenge. RFC 4954 4: "*" gives up, and is answered by 501.
sub _go_on {
    my ($lmtp, $exchange) = @_;
    my $answer;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $answer = _answer($lmtp, $exchange->{turn}, $exchange->{count}++) });
    if (not $ok) {
        $exchange->{given_up} = Mail::Wire::Fault::why($error);
        die $error if not defined $exchange->{given_up};
        $answer = '*';
    }
    $lmtp->command($answer);
    return;
}

# Who says that it is successful is out of step.
sub _cancelled {
    my ($lmtp, $exchange, $digit) = @_;
    my $turn = $exchange->{turn};
    $lmtp->close if $digit < CMD_REJECT;
    $lmtp->set_status(501, [ map {"$turn->{name}: $_"} _shown($lmtp, 0, $exchange->{given_up}) ]);
    return 0;
}

# A mechanism's turn; or why there can be none, a line.
sub _turn {
    my ($lmtp, $name, $login) = @_;
    my $host = Mail::Wire::Dial::name($lmtp->host);
    my %where = length $host ? (host => $host, port => $lmtp->peerport) : (host => 'localhost');
    $where{seconds} = $lmtp->timeout;
    my $turn;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $turn = Mail::Wire::SASL::turn($name, $login, \%where) });
    my $why = Mail::Wire::Fault::why($error);
    return "$name: $why\n" if defined $why;
    die $error if not $ok;
    $turn->{name} = $name;
    return $turn;
}

# What is tried behind a refusal (RFC 4954 6): behind 504 and 534 the next; behind 432 PLAIN, of which the server learns the password in the
# form that the other mechanism needs. Whatever else it says it would say again.
sub _others {
    my ($code, @left) = @_;
    return $code == 504 || $code == 534 ? @left : $code == 432 ? grep { $_ eq 'PLAIN' } @left : ();
}

# RFC 4954 4: "=" is the empty one. Nothing where the line would be too long: it is sent when the server asks for it.
sub _initial {
    my ($turn) = @_;
    my $initial = $turn->{initial};
    return if not defined $initial;
    my $encoded = length $initial ? MIME::Base64::encode_base64($initial, '') : '=';
    return if length("AUTH $turn->{name} $encoded") > COMMAND_MAX;
    delete $turn->{initial};
    return $encoded;
}

sub _answer {
    my ($lmtp, $turn, $count) = @_;
    Mail::Wire::Fault::throw('the server asks again and again') if $count > CHALLENGES_MAX;
    my $challenge = _challenge($lmtp, $turn);
    my $initial = delete $turn->{initial};
    Mail::Wire::Fault::throw('the server speaks first') if defined $initial and length $challenge;
    Mail::Wire::Fault::throw('the server asks for more than there is') if not defined $initial and not $turn->{step};
    my $encoded = MIME::Base64::encode_base64(defined $initial ? $initial : $turn->{step}->($challenge), '');
    Mail::Wire::Fault::throw('the answer is too long') if length $encoded > ANSWER_MAX;
    return $encoded;
}

# RFC 4954 4: a challenge is 334 and a line of base64, or nothing.
sub _challenge {
    my ($lmtp, $turn) = @_;
    my ($line, @more) = $lmtp->message;
    Mail::Wire::Fault::throw('the reply ' . $lmtp->code . ' is no challenge') if $lmtp->code != 334 or @more;
    return '' if $turn->{blind};
    my ($encoded) = (defined $line ? $line : '') =~ /\A *(.*?)[ \r]*\n?\z/s;
    Mail::Wire::Fault::throw('the challenge is not in base64')
        if length($encoded) % 4 or $encoded !~ m{\A[A-Za-z0-9+/]*={0,2}\z};
    return MIME::Base64::decode_base64($encoded);
}

# A link to somebody who is not the server that we have the password for is of no use.
sub _is_proven {
    my ($lmtp, $turn) = @_;
    my $is_proven = !$turn->{proven} || $turn->{proven}->();
    _settle($lmtp, $turn);
    return 1 if $is_proven;
    $lmtp->close;
    $lmtp->set_status(501, ["$turn->{name}: the server has not proved that it knows the password\n"]);
    return 0;
}

# The exchange is over: the server's words without secrets, and what it has said to the mechanism. A line that is no reply is out of step.
sub _settle {
    my ($lmtp, $turn) = @_;
    my ($code, @lines) = ($lmtp->code, $lmtp->message);
    if ($lmtp->opened and not @lines and $code == $lmtp->DEF_REPLY_CODE) {
        @lines = ("$turn->{name}: what the server says is no reply");
        $lmtp->close;
    }
    push @lines, substr $turn->{detail}, 0, DETAIL_MAX if defined $turn->{detail};
    $lmtp->set_status($code, [ _shown($lmtp, 1, @lines) ]);
    return;
}

# Lines for people. The core knows what is secret: if a part of that is in them, they are hidden but for the enhanced status codes in front.
sub _shown {
    my ($lmtp, $is_near, @lines) = @_;
    chomp @lines;
    if ($lmtp->_tells(join('', map { /\A[245]\.[0-9]+\.[0-9]+ (.*)/s ? $1 : $_ } @lines), $is_near)) {
        @lines = map { (/\A([245]\.[0-9]+\.[0-9]+ )/ ? $1 : '') . '(hidden)' } @lines;
    }
    s/([\x00-\x08\x0a-\x1f\x7f])/sprintf '\\x%02x', ord $1/ge foreach @lines;
    return map { "$_\n" } @lines;
}

1;
