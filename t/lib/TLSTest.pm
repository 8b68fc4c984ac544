package TLSTest;

# What the tests of TLS share: an authority with certificates of its making, good and bad ones, and scripts that begin in TLS. A test that uses
# it is skipped where IO::Socket::SSL is not installed.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use Mail::Wire::TLS;
use ScriptedServer;
use Test::More;

use LMTPTest;

our @EXPORT = qw(trusting tls_of secured_script starttls_script tls_script);

BEGIN {
    plan skip_all => $@ if not Mail::Wire::TLS::is_there();
    require IO::Socket::SSL::Utils;
}

my ($folder, @authority);

# Options of CERT_create, which say whom the certificate is for.
my %kind = (
    good     => { subject => { CN => 'server' }, subjectAltNames => [ [ DNS => 'localhost' ], [ IP => '127.0.0.1' ] ] },
    named    => { subject => { CN => 'server' }, subjectAltNames => [ [ DNS => 'localhost' ] ] },
    other    => { subject => { CN => 'localhost' }, subjectAltNames => [ [ DNS => 'other.example' ] ] },
    common   => { subject => { CN => 'localhost' } },
    uri      => { subject => { CN => 'localhost' }, subjectAltNames => [ [ URI => 'lmtp://other.example' ] ] },
    email    => { subject => { CN => 'localhost' }, subjectAltNames => [ [ email => 'postmaster@localhost' ] ] },
    address  => { subject => { CN => 'localhost' }, subjectAltNames => [ [ IP => '127.0.0.1' ] ] },
    wildcard => { subject => { CN => 'server' }, subjectAltNames => [ [ DNS => '*.mail.example' ] ] },
    partial  => { subject => { CN => 'server' }, subjectAltNames => [ [ DNS => 'm*.mail.example' ] ] },
    expired  => { subject => { CN => 'server' }, subjectAltNames => [ [ DNS => 'localhost' ] ], not_before => time - 20 * 86_400, not_after => time - 86_400 },
    client   => { subject => { CN => 'client' }, purpose => 'client' },
);

sub _authority {
    return if @authority;
    $folder    = File::Temp::tempdir(CLEANUP => 1);
    @authority = IO::Socket::SSL::Utils::CERT_create(CA => 1, subject => { CN => 'Test' }, key => IO::Socket::SSL::Utils::KEY_create_ec());
    IO::Socket::SSL::Utils::PEM_cert2file($authority[0], "$folder/ca.pem");
    return;
}

# Options of a client that trusts the authority.
sub trusting {
    _authority();
    return (SSL_ca_file => "$folder/ca.pem", @_);
}

# Options of one side that has a certificate of this kind; 'self' is one that nobody vouches for.
sub tls_of {
    my ($kind, %option) = @_;
    _authority();
    my @file = map {"$folder/$kind.$_"} qw(pem key);
    if (not -e $file[1]) {
        my ($cert, $key) = IO::Socket::SSL::Utils::CERT_create(
            %{ $kind{ $kind eq 'self' ? 'named' : $kind } },
            key => IO::Socket::SSL::Utils::KEY_create_ec(), $kind eq 'self' ? () : (issuer => \@authority));
        IO::Socket::SSL::Utils::PEM_cert2file($cert, $file[0]);
        IO::Socket::SSL::Utils::PEM_key2file($key, $file[1]);
    }
    return { SSL_cert_file => $file[0], SSL_key_file => $file[1], %option };
}

# The session up to the handshake.
sub starttls_script {
    my (@behind) = @_;
    return (hello_script(qw(PIPELINING STARTTLS)), expect => 'STARTTLS', send => join '', "220 go ahead\r\n", @behind);
}

# A script from the second LHLO on: a server that is asked for TLS.
sub secured_script {
    my ($tls, @script) = @_;
    return (starttls_script(), tls => $tls, expect => qr/^LHLO /, reply => [ '250-secure.example', '250 PIPELINING' ], @script);
}

# A server with this script, on which TLS comes first.
sub tls_script {
    my ($tls, @script) = @_;
    return ScriptedServer->new(script => [ tls => $tls, @script ]);
}

1;
