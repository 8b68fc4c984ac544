package Mail::Wire::Command::Connection;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Errno qw(EACCES EINVAL EPERM EPROTO);
use Mail::Wire ();
use Mail::Wire::Command qw(:all);
use Mail::Wire::URL ();

# The options of the link, and connecting by them.

# Specs of Getopt::Long.
use constant OPTIONS => qw(
    starttls:s tls-ca=s tls-name=s tls-fingerprint=s@ tls-cert=s tls-key=s tls-no-verify
    user=s password-file=s password-fd=i password-env=s token mechanisms=s allow-plaintext-auth
    hello=s timeout=s stage-timeout=s% local-addr=s trace);

# Those that are passed on as they are.
my %same = (
    'tls-ca' => 'SSL_ca_file', 'tls-name' => 'SSL_verifycn_name', 'tls-fingerprint' => 'SSL_fingerprint', 'tls-cert' => 'SSL_cert_file',
    'tls-key' => 'SSL_key_file', user => 'User', mechanisms => 'Mechanisms', 'allow-plaintext-auth' => 'AllowPlaintextAuth', hello => 'Hello',
    timeout => 'Timeout', 'stage-timeout' => 'StageTimeout', 'local-addr' => 'LocalAddr',
);

# A secret is a line of a file; longer ones are none.
use constant SECRET_MAX => 65_536;

# The URL in front of the arguments, checked.
sub take_url {
    my ($arguments) = @_;
    my $url = shift @$arguments;
    fail(USAGE, 'no URL: give the server as in lmtp://127.0.0.1:24, lmtp:///run/dovecot/lmtp or qmtp://mail.example.org')
        if not defined $url or not length $url;
    my ($place, $wrong) = Mail::Wire::URL::parsed($url);
    fail(USAGE, 'the URL has ' . $wrong . _hint($url)) if not $place;
    return $url;
}

sub _hint {
    my ($url) = @_;
    return "; a UNIX-domain socket is lmtp://$url" if $url =~ m{\A/\S+\z};
    return "; is lmtp://$url meant?"                if $url =~ /\A[A-Za-z0-9.-]+:[0-9]+\z/;
    return '';
}

# Options of new: a list of names and values.
sub settings {
    my ($option) = @_;
    my %new = map { $same{$_} => $option->{$_} } grep { defined $option->{$_} } keys %same;
    if (defined(my $how = $option->{starttls})) {
        $new{StartTLS} = length $how ? $how : 'require';
    }
    $new{SSL_verify_mode} = 0 if $option->{'tls-no-verify'};    # SSL_VERIFY_NONE
    my $secret = _secret($option);
    $new{ $option->{token} ? 'Token' : 'Password' } = $secret if defined $secret;
    $new{Trace} = _tracer() if $option->{trace};
    return %new;
}

# Connects, or fails with an exit code that says why. more: further options of new.
sub dial {
    my ($url, $option, %more) = @_;
    my %new = (settings($option), %more);
    print STDERR "=== Trying $url...\n" if $option->{trace};
    _load($url, $option);
    my $client = interruptible(sub { Mail::Wire->connect($url, %new) });
    fail(_code($@, 0 + $!), "$url: $@") if not defined $client;
    return $client;
}

# A signal's handler that dies while a module is loaded would be the module's error.
sub _load {
    my ($url, $option) = @_;
    require Net::LMTP;
    require Net::QMTP;
    Mail::Wire::TLS::is_there() if $url =~ /\A[a-z]+s:/i or defined $option->{starttls};
    return;
}

# Of what new says in $@ and $!.
sub _code {
    my ($why, $errno) = @_;
    return $1 == 4 ? TRY_AGAIN : NO_PERMISSION if $why =~ /: AUTH: ([1-5])/;
    return TRY_AGAIN if $why =~ /: (?:greeting|LHLO): 4[0-9]{2} (?!\[)/;
    return $why =~ /temporary/i ? UNAVAILABLE : NO_HOST if $errno == EINVAL and $why =~ /\Aconnect to /;
    return USAGE         if $errno == EINVAL;
    return NO_PERMISSION if $errno == EACCES or $errno == EPERM;
    return $errno == EPROTO || $why =~ /\bTLS: / ? PROTOCOL : UNAVAILABLE;
}

# ---------------------------------------------------------------- secrets

# From where it is told; else, if there is a user, from MAILWIRE_PASSWORD.
sub _secret {
    my ($option) = @_;
    my @from = grep { defined $option->{$_} } qw(password-file password-fd password-env);
    fail(USAGE, "--$from[0] and --$from[1]: one of them") if @from > 1;
    return _of_environment($option) if not @from or $from[0] eq 'password-env';
    my $where = $option->{ $from[0] };
    open my $in, ($from[0] eq 'password-fd' ? '<&=' : '<'), $where or fail(NO_INPUT, "--$from[0] $where: $!");
    binmode $in;
    my $secret = interruptible(sub { _line($in) });
    fail(NO_INPUT, "--$from[0] $where: no password in its first line") if not length $secret;
    return $secret;
}

sub _of_environment {
    my ($option) = @_;
    my $name = $option->{'password-env'};
    return defined $option->{user} ? $ENV{MAILWIRE_PASSWORD} : undef if not defined $name;
    fail(NO_INPUT, "--password-env $name: the environment has no $name") if not defined $ENV{$name} or not length $ENV{$name};
    return $ENV{$name};
}

# By single octets: what stands behind the line in a descriptor is somebody else's.
sub _line {
    my ($in) = @_;
    my $line = '';
    while (length $line < SECRET_MAX and sysread $in, my $octet, 1) {
        last if $octet eq "\n";
        $line .= $octet;
    }
    $line =~ s/\r\z//;
    return $line;
}

# ---------------------------------------------------------------- --trace

# The session on standard error, line by line, with swaks' signs: -> sent, <- received, <** a refusal; ~> and <~ under TLS behind STARTTLS.
sub _tracer {
    my ($is_tls, $asked) = (0, 0);
    return sub {
        my ($direction, $line) = @_;
        if ($direction eq '>') {
            $asked = $line =~ /\ASTARTTLS\b/i;
            print STDERR $is_tls ? ' ~> ' : ' -> ', $line;
            return;
        }
        my $sign = $line =~ /\A[45][0-9]{2}/ ? '**' : $is_tls ? '~ ' : '- ';
        print STDERR "<$sign $line";
        return if not $asked or $line !~ /\A220/;
        $is_tls = 1;
        print STDERR "=== TLS\n";
    };
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Connection - options of the command mailwire for the link

=head1 SYNOPSIS

    Options of the link, for all commands:

      --starttls[=offered]     asks for TLS by STARTTLS, and fails without it;
                               offered: goes on without where it isn't offered
      --tls-ca FILE            certificates of the authorities to trust
      --tls-name NAME          the name that the server's certificate must have
      --tls-fingerprint sha256$...   the certificate's; several are alternatives
      --tls-cert FILE, --tls-key FILE   our own certificate and its key
      --tls-no-verify          takes any certificate
      --user NAME              authenticates (LMTP)
      --password-file FILE     the password is the first line of FILE,
      --password-fd N          of descriptor N,
      --password-env NAME      or in this variable; default MAILWIRE_PASSWORD
      --token                  it is a bearer token (OAUTHBEARER, XOAUTH2)
      --mechanisms LIST        SASL mechanisms to try, in this order
      --allow-plaintext-auth   sends the password without TLS as well
      --hello NAME             our name in LHLO
      --timeout SECONDS        no wait is longer; 0: no limit
      --stage-timeout STAGE=SECONDS   connect, tls, greeting, final ...
      --local-addr ADDRESS     connects from there
      --trace                  shows the session on standard error

=head1 DESCRIPTION

TLS from the first byte is asked for by the URL, C<lmtps:> or C<qmtps:>. What TLS verifies is said in L<Net::LMTP/TLS>; the options stand for
C<SSL_ca_file>, C<SSL_verifycn_name>, C<SSL_fingerprint>, C<SSL_cert_file> and C<SSL_key_file> there. QMTP has neither C<--starttls> nor
C<--user>.

There is no option with the password itself: everybody on the machine can read the command line of a process. Without one of the three
options, and with C<--user>, it is the environment's C<MAILWIRE_PASSWORD>. A password is not sent where others could read it, see
AllowPlaintextAuth of L<Net::LMTP/new>.

Times are in seconds, also fractions; stages are those of StageTimeout of L<Net::LMTP/new>. The default is what RFC 5321 4.5.3.2 asks for,
minutes
for most of them.

C<--trace> shows the lines as swaks does: C<< -> >> what is sent, C<< <- >> what is received, C<< <** >> a refusal, C<~> in place of C<-> behind
STARTTLS, C<===> what is no line of the session. Of the content its length is shown, of secrets nothing.

=head1 SEE ALSO

L<mailwire>, L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
