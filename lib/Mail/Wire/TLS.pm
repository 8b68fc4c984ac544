package Mail::Wire::TLS;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Errno qw(EAGAIN ECONNRESET EPIPE EPROTO ETIMEDOUT);
use Mail::Wire ();
use Mail::Wire::Standard ();
use Mail::Wire::Words ();
use Scalar::Util qw(refaddr weaken);
use Symbol ();

# TLS on a connection that is there, for both classes. IO::Socket::SSL does it, on a handle of its own that shares the connection's
# descriptor; the connection's handle is tied to that one, so that whoever reads or writes it does so through TLS. An object of this class is
# one handshake: step does what can be done now, go waits as well.

# What a handshake may take, unless StageTimeout says otherwise.
use constant SECONDS => 30;

# The first one of which the tests are known to pass.
use constant OLDEST => '2.020';

# TLS 1.2 at least, whatever the library would take (RFC 8996).
use constant VERSIONS => 'SSLv23:!SSLv2:!SSLv3:!TLSv1:!TLSv1_1';

# RFC 6125 6.4: the names of a certificate are those of its subjectAltName; the common name counts where that has none. A wildcard is a
# whole label.
my %names = (check_cn => 'when_only', wildcards_in_cn => 'full_label', wildcards_in_alt => 'full_label');

# ---------------------------------------------------------------- options

# Values of which IO::Socket::SSL makes something else, or dies in the handshake: option, what is right, what it must be. It takes '' and
# references for numbers: a SSL_verify_mode of that kind would switch verification off.
my @checked = (
    [ SSL_verify_mode     => sub { !ref $_[0] && $_[0] =~ /\A(?:[0-9]|1[0-5])\z/ }, 'must be a number, such as SSL_VERIFY_PEER of IO::Socket::SSL' ],
    [ SSL_verifycn_name   => \&_is_name,                                 'must be the name of a host' ],
    [ SSL_hostname        => \&_is_name,                                 'must be the name of a host' ],
    [ SSL_fingerprint     => \&_are_fingerprints,                        "must be as in 'sha256\$0123...' or 'sha256\$pub\$0123...', or a list" ],
    [ SSL_verifycn_scheme => \&_is_scheme,                               'must be one that IO::Socket::SSL knows' ],
    [ SSL_server          => sub { !$_[0] },                             'must be false: this is a client' ],
    [ SSL_cert            => sub { _are_pointers($_[0]) },               'must be a certificate of Net::SSLeay, or a list of them' ],
    [ SSL_key             => \&_is_pointer,                              'must be a private key of Net::SSLeay' ],
    [ SSL_ca              => sub { ref $_[0] && _are_pointers($_[0]) },  'must be a list of certificates of Net::SSLeay' ],
    (map { [ $_ => \&_is_code, 'must be a reference to code' ] } qw(SSL_verify_callback SSL_error_trap SSL_create_ctx_callback)),
);

# True, else $@ says what to install.
sub is_there {
    my $error = $@;
    if (eval { require IO::Socket::SSL; IO::Socket::SSL->VERSION(OLDEST); 1 }) {
        $@ = $error;
        @Mail::Wire::TLS::Handle::ISA = ('IO::Socket::SSL::SSL_HANDLE');
        return 1;
    }
    my ($why) = split /\n/, "$@";
    $@ = 'TLS needs the module IO::Socket::SSL, ' . OLDEST . " or later (Debian's package libio-socket-ssl-perl): $why";
    return 0;
}

# Of the options given, those of TLS: a reference to a hash. Nothing, with the reason in $@, when there can be no TLS. IO::Socket::SSL checks
# no name where that is empty.
sub plan {
    my ($option) = @_;
    is_there() or return;
    my %given = map { $_ => $option->{$_} } grep { /\ASSL_/ and defined $option->{$_} } keys %$option;
    delete $given{SSL_verifycn_name} if exists $given{SSL_verifycn_name} and not length $given{SSL_verifycn_name};
    return { contexts => {}, ssl => \%given };
}

# RFC 6066 3: an address is no name to ask for.
sub _asked_for {
    my ($name) = @_;
    return $name =~ /\A[0-9.]*\z|:/ ? '' : $name;
}

# For IO::Socket::SSL. An option of the caller's goes before what is usual here.
sub _arguments {
    my ($plan, $name) = @_;
    my $given = $plan->{ssl};
    $name = $given->{SSL_verifycn_name} if defined $given->{SSL_verifycn_name};
    return (
        SSL_verify_mode     => IO::Socket::SSL::SSL_VERIFY_PEER(),
        SSL_version         => VERSIONS,
        SSL_hostname        => _asked_for($name),
        SSL_verifycn_name   => $name,
        SSL_verifycn_scheme => length $name ? \%names : 'none',
        %$given,
        SSL_startHandshake  => 0,
        PeerAddr            => $name || 'localhost',    # else it asks the socket
    );
}

# True when the plan can be followed with a server of this name ('': none is known); else $@ says why not.
sub fits {
    my ($plan, $name) = @_;
    my $given = $plan->{ssl};
    if (not length $name and not defined $given->{SSL_verifycn_name} and not defined $given->{SSL_verify_mode}) {
        $@ = 'TLS where no host is named, as on a UNIX-domain socket, needs SSL_verifycn_name, the name that the certificate must have, '
            . 'or SSL_verify_mode, which says whether it is verified';
        return 0;
    }
    foreach my $row (@checked) {
        my ($option, $is_right, $words) = @$row;
        next if not exists $given->{$option} or $is_right->($given->{$option});
        $@ = "$option $words, not '$given->{$option}'";
        return 0;
    }
    return _context($plan, $name) ? 1 : 0;
}

sub _is_code { ref $_[0] eq 'CODE' }
sub _is_name { !ref $_[0] && $_[0] !~ /[\x00-\x20\x7f]/ }

# The library would go where any number points to. Memory is given out at whole numbers beyond the first pages, multiples of four.
sub _is_pointer {
    my ($value) = @_;
    return defined $value && !ref $value && $value =~ /\A[1-9][0-9]{4,19}\z/ && $value >= 65_536 && $value % 4 == 0;
}

# One, or a list that is not empty.
sub _are_pointers {
    my @values = ref $_[0] eq 'ARRAY' ? @{ $_[0] } : $_[0];
    return @values && !grep { !_is_pointer($_) } @values;
}

# A list without any would pin nothing.
sub _are_fingerprints {
    my @pins = ref $_[0] eq 'ARRAY' ? @{ $_[0] } : $_[0];
    return @pins && !grep { not defined or not _fingerprint($_) } @pins;
}

# It would die of another one in the handshake. It is asked with a certificate that has no names.
sub _is_scheme {
    my ($scheme) = @_;
    return 1 if ref $scheme eq 'HASH';
    return 0 if not length $scheme;    # it would take another one
    local $@;
    my $cert = Net::SSLeay::X509_new();
    my $is = eval { IO::Socket::SSL::verify_hostname_of_cert('localhost', $cert, $scheme); 1 };
    Net::SSLeay::X509_free($cert);
    return $is;
}

# Made once for all connections, as reading the authorities' certificates takes long. Nothing, with the reason in $@.
sub _context {
    my ($plan, $name) = @_;
    my $kind = length $name ? 'named' : 'nameless';
    my $error = $@;
    my $context = $plan->{contexts}{$kind} ||= eval { IO::Socket::SSL::SSL_Context->new({ _arguments($plan, $name) }) };
    if ($context) {
        $@ = $error;
        return $context;
    }
    my ($why) = split /\n/, $@ || "$IO::Socket::SSL::SSL_ERROR";
    Net::SSLeay::ERR_clear_error();
    $@ = 'TLS: ' . Mail::Wire::Words::said($why);
    return;
}

sub _fingerprints {
    my ($plan) = @_;
    my $wanted = $plan->{ssl}{SSL_fingerprint};
    return ref $wanted eq 'ARRAY' ? map { defined $_ ? $_ : '' } @$wanted : defined $wanted ? $wanted : ();
}

# The algorithm, whether it is the public key's, and the digits; nothing when it is no fingerprint.
sub _fingerprint {
    my ($text) = @_;
    my ($algorithm, $key, $digits) = (ref $text ? '' : $text) =~ /\A(?:([\w-]+)\$)?(pub\$)?([A-Fa-f0-9:]+)\z/ or return;
    $digits =~ tr/://d;
    return if defined $algorithm and not Net::SSLeay::EVP_get_digestbyname($algorithm);
    return ($algorithm || 'sha256', defined $key, lc $digits);
}

# ---------------------------------------------------------------- the handshake

# On a handle that is connected to the server of this name, within so many seconds (0: no limit). Nothing, with the reason in $@.
sub start {
    my ($class, $plan, $handle, $name, $seconds) = @_;
    my $context = _context($plan, $name) or return;
    my ($inner, $fd, $found) = (Symbol::gensym(), fileno $handle, {});
    if (not Mail::Wire::Standard::apart(sub { open $inner, '+<&=', $fd })) {
        $@ = "TLS: $!";
        return;
    }
    bless $inner, IO::Socket::SSL->isa('IO::Socket::IP') ? 'IO::Socket::IP' : 'IO::Socket::INET';
    my $self = bless {
        plan => $plan, outer => $handle, inner => $inner, mine => refaddr $inner, found => $found, wants => 'write',
        ends => $seconds ? Mail::Wire::_now() + $seconds : 0,
    }, $class;
    my %argument = (_arguments($plan, $name), SSL_reuse_ctx => $context);
    $self->{name} = $argument{SSL_verifycn_name};
    my $trap = $argument{SSL_error_trap};
    $argument{SSL_error_trap} = sub {
        my $ssl = $_[0]->_get_ssl_object;
        $found->{verify} = Net::SSLeay::get_verify_result($ssl) if $ssl;
        $trap->(@_) if $trap;
    };
    IO::Socket::SSL->start_SSL($inner, %argument) or return $self->_failed;
    $inner->blocking(0);
    return $self;
}

# 1: it is done; 0: it would have to wait; undef: it failed, $@ and $! say why, and the connection is of no use.
sub step {
    my ($self) = @_;
    my $errno = 0 + $!;
    if (Mail::Wire::Standard::unpiped(sub { $self->{inner}->connect_SSL })) {
        $! = $errno;
        return $self->_done;
    }
    my %wants = (0 + IO::Socket::SSL::SSL_WANT_READ() => 'read', 0 + IO::Socket::SSL::SSL_WANT_WRITE() => 'write');
    $self->{wants} = $wants{ 0 + $IO::Socket::SSL::SSL_ERROR } or return $self->_failed;
    return $self->timeout_in ? 0 : $self->_refused('no answer in the handshake', ETIMEDOUT);
}

# The same, and waits.
sub go {
    my ($self) = @_;
    my $is;
    while (defined($is = $self->step) and not $is) {
        _wait($self->fileno, $self->{wants} eq 'write', $self->timeout_in);
    }
    return $is;
}

sub wants  { return $_[0]{wants} }
sub fileno { return $_[0]{inner}->fileno }

# Negative: no limit.
sub timeout_in {
    my ($self) = @_;
    return -1 if not $self->{ends};
    my $left = $self->{ends} - Mail::Wire::_now();
    return $left > 0 ? $left : 0;
}

sub _refused {
    my ($self, $why, $errno) = @_;
    $self->_drop;
    ($@, $!) = ("TLS: $why", $errno);
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# What IO::Socket::SSL says, without OpenSSL's numbers.
sub _failed {
    my ($self) = @_;
    my ($errno, $verify, $why) = (0 + $!, $self->{found}{verify}, "$IO::Socket::SSL::SSL_ERROR");
    Net::SSLeay::ERR_clear_error();
    $why =~ s/\ASSL connect attempt failed(?: because of handshake problems)?\s*//;
    $why =~ s/\berror:[0-9A-F]+:[^:]*:[^:]*://g;
    return $self->_refused("$why: the certificate is not for $self->{name}", EPROTO) if $why =~ /\Ahostname verification failed/;
    return $self->_refused("$why: " . Net::SSLeay::X509_verify_cert_error_string($verify), EPROTO) if $verify;
    return $self->_refused("$why: the server does not speak TLS here", EPROTO) if $why =~ /wrong version number/;
    return $self->_refused('the server closed the connection in the handshake', $errno || ECONNRESET) if $why eq '' or $why =~ /unexpected eof/;
    return $self->_refused($why, $errno || EPROTO);
}

sub _done {
    my ($self) = @_;
    my ($inner, $outer) = @{$self}{qw(inner outer)};
    my @pins = _fingerprints($self->{plan});
    return $self->_refused('the certificate is none of SSL_fingerprint', EPROTO) if @pins and not grep { _is_of($inner, $_) } @pins;
    return $self->_refused("hostname verification failed: the certificate is not for $self->{name}", EPROTO)
        if not defined $self->{plan}{ssl}{SSL_verifycn_scheme} and _is_verifying($inner) and _is_named_otherwise($inner, $self->{name});
    my $is_verified = @pins || _checks_name($self->{plan}{ssl}, ${*$inner}{_SSL_arguments});
    my $own = ${*$inner}{mail_wire} = { outer => $outer, pid => $$, mine => $self->{mine}, is_verified => $is_verified ? 1 : 0 };
    weaken($own->{outer});
    _carry($inner, tie *$outer, 'Mail::Wire::TLS::Handle', $inner);
    delete @{$self}{qw(inner outer)};
    return 1;
}

# From now on OpenSSL works in memory, and the glue receives and sends. It looks only there for more: so OpenSSL must not read ahead.
sub _carry {
    my ($inner, $tied) = @_;
    my $ssl = $inner->_get_ssl_object;
    my ($from, $to) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } qw(from to);
    Net::SSLeay::set_read_ahead($ssl, 0);
    Net::SSLeay::set_bio($ssl, $from, $to);
    _attach($tied, $inner, $ssl, $from, $to);
    return;
}

# Whether who passed the handshake has a verified certificate of the name. Not where the caller's code or context decides that.
sub _checks_name {
    my ($given, $argument) = @_;
    my $scheme = $given->{SSL_verifycn_scheme};
    return 0 if grep { $given->{$_} } qw(SSL_verify_callback SSL_reuse_ctx SSL_create_ctx_callback);
    return 0 if defined $scheme and ref $scheme ? !%$scheme || $scheme->{callback} : $scheme eq 'none';
    return length $argument->{SSL_verifycn_name} && $argument->{SSL_verify_mode} & IO::Socket::SSL::SSL_VERIFY_PEER();
}

# RFC 6125 6.4.4: the common name does not count where there is a name of any other kind. IO::Socket::SSL looks for names of hosts only. (The
# common name is never taken for an address.)
sub _is_verifying {
    my $argument = ${ *{ $_[0] } }{_SSL_arguments};
    return $argument->{SSL_verify_mode} & IO::Socket::SSL::SSL_VERIFY_PEER() && ref $argument->{SSL_verifycn_scheme};
}

sub _is_named_otherwise {
    my ($inner, $name) = @_;
    return 0 if $name =~ /\A[0-9.]+\z|:/;
    my %name_of = reverse $inner->peer_certificate('subjectAltNames');
    return %name_of && !grep { $_ == IO::Socket::SSL::GEN_DNS() } values %name_of;
}

# IO::Socket::SSL takes a certificate whose chain is valid, whatever its fingerprint.
sub _is_of {
    my ($inner, $pin) = @_;
    my ($algorithm, $is_key, $digits) = _fingerprint($pin);
    my $found = $inner->get_fingerprint($algorithm, undef, $is_key);
    return defined $found && $found =~ /\$\Q$digits\E\z/;
}

# Nothing is left half open, and nothing is said. A thread's copy has no part in it.
sub _drop {
    my ($self) = @_;
    my $inner = delete $self->{inner} or return;
    $inner->close(SSL_no_shutdown => 1) if refaddr $inner == $self->{mine};
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $!, $?);
    $self->_drop;
    return;
}

# ---------------------------------------------------------------- what the connection's handle is tied to

# The IO::Socket::SSL under a handle, whoever put it there; undef: there is none.
sub under {
    my ($handle) = @_;
    my $tied = tied *$handle;
    return ref $tied && $tied->isa('IO::Socket::SSL::SSL_HANDLE') ? $$tied : undef;
}

# True when the server has shown that it is the one that was meant: by a verified certificate of its name, or by a fingerprint.
sub is_verified {
    my ($handle) = @_;
    my $inner = under($handle) or return 0;
    my $own = ${*$inner}{mail_wire};
    return ref $own eq 'HASH' && $own->{is_verified} ? 1 : 0;
}

# From now on nothing is said when the handle is closed.
sub hush {
    my ($handle) = @_;
    my $inner = under($handle) or return;
    my $own = ${*$inner}{mail_wire} or return;
    $own->{pid} = 0;
    return;
}

sub Mail::Wire::TLS::Handle::TIEHANDLE {
    my ($class, $inner) = @_;
    return bless \$inner, $class;
}

# A connection that ends for a reason is told apart from one that just ends. Its end without the alert close_notify is an end like any: it is
# for the protocol to know whether something is missing.
sub Mail::Wire::TLS::Handle::READ {
    my $errno = 0 + $!;
    my ($bytes, $why) = _read($_[0], $_[2]);
    return _stopped($why) if not defined $bytes;
    $! = $errno;
    return 0 if not length $bytes;
    substr $_[1], $_[3] || 0, length $_[1], $bytes;
    return length $bytes;
}

sub Mail::Wire::TLS::Handle::WRITE {
    my $errno = 0 + $!;
    my ($put, $why) = _write($_[0], $_[1], defined $_[2] ? $_[2] : length $_[1], $_[3] || 0);
    return _stopped($why) if not defined $put;
    $! = $errno;
    return $put;
}

# The others are IO::Socket::SSL's, which has OpenSSL read and write.
foreach my $method (qw(READLINE GETC PRINT PRINTF)) {
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *{"Mail::Wire::TLS::Handle::$method"} = sub {
        my ($tied) = @_;
        _turn($tied);
        my $code = IO::Socket::SSL::SSL_HANDLE->can($method);
        my @result = wantarray ? &$code : scalar &$code;
        _turn($tied);
        return wantarray ? @result : $result[0];
    };
}

# Nothing was read or written: undef, with $! and $SSL_ERROR, which says what is waited for. What it is told are poll's events, or words; or
# nothing, where there is no connection.
sub _stopped {
    my ($why) = @_;
    my %wants = (1 => IO::Socket::SSL::SSL_WANT_READ(), 2 => IO::Socket::SSL::SSL_WANT_WRITE(), 3 => IO::Socket::SSL::SSL_WANT_READ());
    my $wants = defined $why && $wants{$why};
    ($IO::Socket::SSL::SSL_ERROR, $!) = $wants ? ($wants, EAGAIN) : ($why, 0 + $! || EPIPE);
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# OpenSSL's words for what went wrong last, for the glue.
sub _error_words {
    my $words = Net::SSLeay::ERR_error_string(Net::SSLeay::ERR_peek_error() || 0);
    Net::SSLeay::ERR_clear_error();
    return '' if $words =~ /\Aerror:0+:/;
    $words =~ s/\Aerror:[0-9A-F]+:[^:]*:[^:]*:/TLS: /;
    return $words;
}

# The alert close_notify is for the process that made the handshake: a copy in another one must not end what that one goes on with. It is not
# said in the middle of a record either.
sub Mail::Wire::TLS::Handle::CLOSE {
    my $inner = ${ $_[0] };
    my ($own, $ssl) = @{*$inner}{qw(mail_wire _SSL_object)};
    my $outer = $own->{outer};
    if (refaddr $inner == $own->{mine}) {
        my $may_say = _detach($_[0]) && $own->{pid} == $$;
        Net::SSLeay::set_fd($ssl, $inner->fileno) if $ssl and $may_say;
        Mail::Wire::Standard::unpiped(sub { $inner->close($inner->isa('IO::Socket::SSL') ? (SSL_no_shutdown => !$may_say) : ()) });
    }
    local @_;    # what is tied goes now
    no warnings 'untie';    ## no critic (ProhibitNoWarnings) a caller's own call may be under way, and hold it
    untie *$outer;
    return close $outer;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::TLS - TLS for Net::LMTP and Net::QMTP

=head1 DESCRIPTION

Internal to Mail-Wire: the handshake, by L<IO::Socket::SSL>, and what a connection's handle is tied to afterwards. It may change in
any release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
