package Mail::Wire::SASL;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Client ();
use Mail::Wire::Fault ();
use Mail::Wire::Words ();

# The mechanisms of SASL (RFC 4422) that AUTH can use, in octets, without the wire. PLAIN, LOGIN, EXTERNAL and the two that take tokens are
# written here: they are one message, or two. SCRAM is Authen::SCRAM::Client's, all else Authen::SASL's; both are loaded when asked for.
#
# A login is what somebody proves to be by: a reference to a hash of `user` and `password` or `token`, or of `sasl`, an Authen::SASL.
# A turn is a mechanism at work for a login, a reference to a hash:
#
#   initial  the client's first octets; undef: the server speaks first
#   step     code, a challenge in, the answer out; undef: no challenge is answered
#   blind    challenges are not looked at
#   proven   code, true once the server has proved that it knows the secret, too; undef: the mechanism has no such proof
#   detail   what the server has said of its refusal inside the exchange
#
# What cannot be done is thrown as a Mail::Wire::Fault.

# Iterations that a server may ask for: with fewer a password is soon guessed by who has listened (RFC 5802 9, RFC 7677 4), with more we are
# kept busy for long, and nothing ends that work. So it must not be more than a slow machine does in the time that the server has for an answer.
use constant { ITERATIONS_MIN => 4096, ITERATIONS_MAX => 1_000_000, ITERATIONS_PER_SECOND => 100_000 };

my %debian = (
    'Authen::SASL'          => 'libauthen-sasl-perl',
    'Authen::SCRAM::Client' => 'libauthen-scram-perl',
    'Digest::HMAC_MD5'      => 'libdigest-hmac-perl',
);

# The name of a mechanism: what makes a turn of it, what it needs of a login, and whether that goes over the wire as it is.
my %mechanism = (
    'EXTERNAL'      => [ \&_external,    'user' ],
    'OAUTHBEARER'   => [ \&_oauthbearer, 'token',    1 ],
    'XOAUTH2'       => [ \&_xoauth2,     'token',    1 ],
    'SCRAM-SHA-512' => [ \&_scram,       'password' ],
    'SCRAM-SHA-256' => [ \&_scram,       'password' ],
    'SCRAM-SHA-1'   => [ \&_scram,       'password' ],
    'PLAIN'         => [ \&_plain,       'password', 1 ],
    'LOGIN'         => [ \&_login,       'password', 1 ],
    'CRAM-MD5'      => [ \&_by_library,  'password' ],
    'DIGEST-MD5'    => [ \&_by_library,  'password' ],
);

# What is tried for a login that names no mechanism, in this order.
sub usual { qw(OAUTHBEARER XOAUTH2 SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN) }

# A login of an Authen::SASL may have more mechanisms than are known here.
sub is_possible {
    my ($name, $login) = @_;
    return 1 if $login->{sasl};
    return exists $mechanism{$name} && defined $login->{ $mechanism{$name}[1] };
}

sub shows_secret { $mechanism{ $_[0] } && $mechanism{ $_[0] }[2] }

# where is a reference to a hash of `host` and, for TCP, `port`; and `seconds`, what the server has for an answer (0: no limit).
sub turn {
    my ($name, $login, $where) = @_;
    my $make = $mechanism{$name} ? $mechanism{$name}[0] : \&_by_library;
    $make = \&_by_library if $login->{sasl} and $make != \&_scram;
    return $make->($name, $login, $where);
}

# ---------------------------------------------------------------- text

# As addresses are taken: characters beyond ASCII are UTF-8, and octets of UTF-8 stay.
sub octets {
    my ($text) = @_;
    my $characters = $text = "$text";
    utf8::encode($text) if not utf8::decode($characters);
    return $text;
}

sub _characters {
    my ($octets) = @_;
    utf8::decode($octets);
    return $octets;
}

# ---------------------------------------------------------------- one message, or two

# RFC 4422 A: the identity to act as; empty: the one that the server sees by other means.
sub _external {
    my ($name, $login) = @_;
    return { initial => $login->{user} };
}

# RFC 4616.
sub _plain {
    my ($name, $login) = @_;
    return { initial => "\0$login->{user}\0$login->{password}" };
}

# LOGIN has no document. What servers ask in its challenges differs, and the order does not.
sub _login {
    my ($name, $login) = @_;
    my @answers = @{$login}{qw(user password)};
    return { step => sub { @answers ? shift @answers : _again() }, blind => 1 };
}

# RFC 7628 3.1; the user is written as RFC 5801 4 has it.
sub _oauthbearer {
    my ($name, $login, $where) = @_;
    (my $user = $login->{user}) =~ s/([=,])/sprintf '=%02X', ord $1/ge;
    my @place = map { defined $where->{$_} ? "$_=$where->{$_}\1" : () } qw(host port);
    return _bearer(join('', 'n,', length $user ? "a=$user" : '', ",\1", @place, "auth=Bearer $login->{token}\1\1"), "\1");
}

sub _xoauth2 {
    my ($name, $login) = @_;
    Mail::Wire::Fault::throw('there is no user') if not length $login->{user};
    return _bearer("user=$login->{user}\1auth=Bearer $login->{token}\1\1", '');
}

# The server refuses in a challenge, in JSON (RFC 7628 3.2.2). When that has its answer, it says so in its reply as well.
sub _bearer {
    my ($initial, $answer) = @_;
    my %turn = (initial => $initial);
    my $detail = \$turn{detail};
    $turn{step} = sub {
        _again() if defined $$detail;
        $$detail = $_[0];
        return $answer;
    };
    return \%turn;
}

sub _again { Mail::Wire::Fault::throw('the server asks for more than there is') }

# ---------------------------------------------------------------- libraries

sub _need {
    my ($module) = @_;
    (my $file = "$module.pm") =~ s{::}{/}g;
    local $SIG{__DIE__};
    my ($ok, $error) = Mail::Wire::Client::_try(sub { require $file });
    return if $ok;
    die $error if $error !~ /\A(?:Can't locate|\S+ version \S+ required|Attempt to reload)/;
    Mail::Wire::Fault::throw("the module $module is missing (Debian: $debian{$module})");
}

# What a library croaks of in such words is a fault, in these words if there are some. Else a signal's handler has died in it.
sub _of_library {
    my ($pattern, $code, $words) = @_;
    my $value;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $value = $code->() });
    return $value if $ok;
    die $error if ref $error or $error !~ $pattern;
    $words = Mail::Wire::Words::said($error =~ /\A(.*)/) if not defined $words;
    return Mail::Wire::Fault::throw($words);
}

# What the caller's Authen::SASL says when it is asked for a `user` or a `pass`, as its own mechanisms ask.
sub _asked {
    my ($sasl, $what) = @_;
    my ($value, @arguments) = map { ref eq 'ARRAY' ? @$_ : $_ } $sasl->callback($what);
    $value = $value->($sasl, @arguments) if ref $value eq 'CODE';
    return defined $value ? octets($value) : Mail::Wire::Fault::throw("there is no $what");
}

# RFC 5802, RFC 7677. Keys are made at once, of any salt: what the library says of a password that cannot be used shows the password.
sub _scram {
    my ($name, $login, $where) = @_;
    _need('Authen::SCRAM::Client');
    my ($user, $password) = $login->{sasl} ? map { _asked($login->{sasl}, $_) } qw(user pass) : @{$login}{qw(user password)};
    my $client = Authen::SCRAM::Client->new(
        username => _characters($user), password => _characters($password), digest => substr $name, length 'SCRAM-');
    my $first = _of_library(qr/\ASCRAM /, sub { $client->computed_keys('salt', 1); $client->first_msg },
        'the user or the password has characters that it must not have (RFC 4013)');
    my $proven;
    my @steps = (sub { _scram_final($client, $where->{seconds}, @_) }, sub { $proven = _scram_proof($client, @_); '' });
    return { initial => octets($first), step => sub { @steps ? (shift @steps)->(@_) : _again() }, proven => sub { $proven } };
}

# The library finds its fields in any text that has them, so the text is looked at here first.
sub _scram_final {
    my ($client, $seconds, $challenge) = @_;
    my ($iterations) = $challenge =~ m{\Ar=[^,]+,s=[A-Za-z0-9+/=]+,i=([1-9][0-9]{0,9})(?:,.*)?\z}s
        or Mail::Wire::Fault::throw('the challenge is not the first message of a server');
    my $most = _iterations_max($seconds);
    Mail::Wire::Fault::throw("$iterations iterations are asked for, and " . ITERATIONS_MIN . " to $most are allowed")
        if $iterations < ITERATIONS_MIN or $iterations > $most;
    return octets(_of_library(qr/\ASCRAM /, sub { $client->final_msg(_characters($challenge)) }));
}

sub _iterations_max {
    my ($seconds) = @_;
    my $most = $seconds ? int($seconds * ITERATIONS_PER_SECOND) : ITERATIONS_MAX;
    return $most > ITERATIONS_MAX ? ITERATIONS_MAX : $most < ITERATIONS_MIN ? ITERATIONS_MIN : $most;
}

sub _scram_proof {
    my ($client, $challenge) = @_;
    Mail::Wire::Fault::throw("the server says '$1'") if $challenge =~ /\Ae=([\w-]+)/;
    my $unproven = "the server's signature is wrong: it does not know the password";
    Mail::Wire::Fault::throw($unproven) if $challenge !~ /\Av=/;
    return _of_library(qr/\ASCRAM /, sub { $client->validate($challenge) }, $unproven);
}

# The mechanisms of Authen::SASL in which the client is the first to speak, though it may have nothing to say.
my %speaks_first = map { $_ => 1 } qw(ANONYMOUS EXTERNAL PLAIN);

# The service of RFC 4422 5 is LMTP's own (RFC 4954 4 has smtp's).
sub _by_library {
    my ($name, $login, $where) = @_;
    _need('Authen::SASL');
    _need('Digest::HMAC_MD5') if $name =~ /-MD5\z/;    # else Authen::SASL says that it has no such mechanism
    my $sasl = $login->{sasl} || Authen::SASL->new(callback => { user => $login->{user}, pass => $login->{password} });
    my $named = $sasl->mechanism;
    $sasl->mechanism($name);
    my $client;
    my ($ok, $error) = Mail::Wire::Client::_try(sub {
        $client = _of_library(qr/SASL|mechanism/, sub { $sasl->client_new('lmtp', $where->{host}, '') }, 'Authen::SASL does not have it');
    });
    $sasl->mechanism($named);
    die $error if not $ok;
    # No layer of the mechanism's own around what follows; in DIGEST-MD5 that is qop auth.
    $client->property(maxssf => 0) if $client->can('property');
    my $initial = $client->client_start;
    undef $initial if defined $initial and not length $initial and not $speaks_first{$name};
    return {
        initial => $initial,
        step    => sub { _library_step($client, @_) },
        proven  => $name eq 'DIGEST-MD5' ? sub { $client->is_success } : undef,
    };
}

sub _library_step {
    my ($client, $challenge) = @_;
    my $answer = $client->client_step($challenge);
    Mail::Wire::Fault::throw($client->error || 'Authen::SASL has no answer to the challenge') if not defined $answer;
    Mail::Wire::Fault::throw('a security layer was chosen, and there are none here') if $answer =~ /(?:\A|,)qop="?auth-/;
    return $answer;
}

1;
