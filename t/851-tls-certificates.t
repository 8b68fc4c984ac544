# Whom TLS is believed: certificates that are good, and those that are not, over TCP and over a UNIX-domain socket, by STARTTLS and from the
# first byte.

use strict;
use warnings;

use Net::LMTP;
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;
use TLSTest;    # before what it looks for
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;

my @lmtp = (reply => '220 server.example LMTP ready', expect => qr/^LHLO /, reply => [ '250-server.example', '250 PIPELINING' ]);

sub fingerprint {
    my ($kind, $algorithm, $is_key) = @_;
    my $cert = IO::Socket::SSL::Utils::PEM_file2cert(tls_of($kind)->{SSL_cert_file});
    my $digest = $is_key ? \&Net::SSLeay::X509_pubkey_digest : \&Net::SSLeay::X509_digest;
    return unpack 'H*', $digest->($cert, Net::SSLeay::EVP_get_digestbyname($algorithm));
}

(my $colons = fingerprint('good', 'sha256')) =~ s/(..)(?!\z)/$1:/g;
my @name = (SSL_verifycn_name => 'localhost');

# kind of certificate, options of new, host or a kind of server, what $@ says: none is success
my @cases = (
    [ 'good' ],
    [ 'good', host => 'localhost' ],
    [ 'named', host => 'localhost' ],
    [ 'named', qr/hostname verification failed: the certificate is not for 127.0.0.1/ ],
    [ 'named', @name ],
    [ 'common', host => 'localhost' ],
    [ 'common', @name, SSL_verifycn_name => 'local', qr/hostname verification failed/ ],
    [ 'other', host => 'localhost', qr/hostname verification failed: the certificate is not for localhost/ ],
    [ 'other', SSL_verifycn_name => 'OTHER.example' ],
    [ 'wildcard', SSL_verifycn_name => 'a.mail.example' ],
    [ 'wildcard', SSL_verifycn_name => 'mail.example',     qr/hostname verification failed/ ],
    [ 'wildcard', SSL_verifycn_name => 'a.b.mail.example', qr/hostname verification failed/ ],
    [ 'partial',  SSL_verifycn_name => 'mx.mail.example',  qr/hostname verification failed/ ],
    [ 'expired', @name, qr/certificate verify failed: certificate has expired/ ],
    [ 'self',    @name, qr/certificate verify failed: self.signed certificate/ ],
    [ 'self',    @name, SSL_verify_mode => SSL_VERIFY_NONE ],
    [ 'good', SSL_ca_file => tls_of('self')->{SSL_cert_file}, qr/certificate verify failed: unable to get/ ],
    [ 'good', SSL_fingerprint => 'sha256$' . fingerprint('good', 'sha256') ],
    [ 'good', SSL_fingerprint => "SHA256\$$colons" ],
    [ 'good', SSL_fingerprint => fingerprint('good', 'sha256') ],
    [ 'good', SSL_fingerprint => [ 'sha1$' . ('0' x 40), 'sha256$pub$' . fingerprint('good', 'sha256', 1) ] ],
    [ 'good', SSL_fingerprint => 'sha256$' . ('0' x 64), qr/the certificate is none of SSL_fingerprint/ ],
    [ 'good', SSL_fingerprint => 'sha256$pub$' . fingerprint('good', 'sha256'), qr/the certificate is none of SSL_fingerprint/ ],
    [ 'self', @name, SSL_fingerprint => 'sha256$' . fingerprint('self', 'sha256') ],
    [ 'self', @name, SSL_fingerprint => 'sha256$' . fingerprint('good', 'sha256'), qr/certificate verify failed/ ],
    [ 'good', SSL_verify_mode => SSL_VERIFY_NONE, SSL_fingerprint => 'sha256$' . ('0' x 64), qr/the certificate is none of SSL_fingerprint/ ],
    [ 'named', SSL_verifycn_name => '', qr/hostname verification failed: the certificate is not for 127.0.0.1/ ],
    [ 'good', SSL_verifycn_scheme => 'lmtp', qr/SSL_verifycn_scheme must be one that IO::Socket::SSL knows, not 'lmtp'/ ],
    (map { [ $_, host => 'localhost', qr/hostname verification failed: the certificate is not for localhost/ ] } qw(uri email address)),
    [ 'address', host => '127.0.0.1' ],
    [ 'uri', host => 'localhost', SSL_verifycn_scheme => 'default' ],
    [ 'good', SSL_verifycn_scheme => 'smtp' ],
    [ 'named', SSL_verifycn_scheme => 'none' ],
    [ 'good', listen => 'unix', qr/SSL_verifycn_name.*SSL_verify_mode/ ],
    [ 'good', listen => 'unix', SSL_verifycn_name => '', qr/SSL_verifycn_name.*SSL_verify_mode/ ],
    [ 'named', listen => 'unix', @name ],
    [ 'other', listen => 'unix', @name, qr/hostname verification failed: the certificate is not for localhost/ ],
    [ 'other', listen => 'unix', SSL_verify_mode => SSL_VERIFY_NONE ],
    [ 'other', listen => 'unix', SSL_verify_mode => SSL_VERIFY_PEER ],
    [ 'self',  listen => 'unix', SSL_verify_mode => SSL_VERIFY_PEER, qr/certificate verify failed: self.signed/ ],
);

for my $case (@cases) {
    my ($kind, @rest) = @$case;
    my $words = @rest % 2 ? pop @rest : undef;
    my %option = @rest;
    my ($host, $listen) = delete @option{qw(host listen)};
    my $name = join ' ', $kind, map { defined $_ ? ref $_ ? '...' : substr $_, 0, 30 : 'undef' } @rest;
    for my $way (qw(SSL StartTLS)) {
        my $tls = tls_of($kind);
        my $server = ScriptedServer->new(
            listen => $listen || 'ipv4',
            script => [ $way eq 'SSL' ? (tls => $tls, @lmtp) : secured_script($tls), expect => qr/^MAIL/, reply => '250 ok' ],
        );
        my @where = $server->args;
        $where[0] = $host if defined $host;
        my $lmtp = Net::LMTP->new(@where, Hello => 'client.example', ($way eq 'SSL' ? (SSL => 1) : (StartTLS => 'require')), trusting(), %option);
        my ($error, $errno) = ($@, 0 + $!);
        if (defined $words) {
            ok(!$lmtp, "$way, $name: new fails");
            like($error, qr/\A(?:Net::LMTP: (?=SSL_)|(?:Net::LMTP: )?TLS\b).*$words/, '... $@ says why');
            unlike($server->received, qr/MAIL|220|\x17\x03/, '... and nothing is sent');
            next;
        }
        ok($lmtp && $lmtp->is_tls, "$way, $name: TLS") or diag($error);
        ok($lmtp && $lmtp->mail('a@x'), '... and mail');
    }
}

# ---- whether the server has shown who it is

my $context = IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => SSL_VERIFY_NONE);
for my $case ([ 1 ], [ 0, SSL_verify_mode => SSL_VERIFY_NONE ], [ 1, SSL_verifycn_scheme => 'smtp' ],
    (map { [ 0, SSL_verifycn_scheme => $_ ] } 'none', {}, { callback => sub { 1 } }),
    [ 0, SSL_verify_callback => sub { 1 } ], [ 0, SSL_reuse_ctx => $context ], [ 0, SSL_create_ctx_callback => sub { } ],
    [ 1, SSL_verify_mode => SSL_VERIFY_NONE, SSL_fingerprint => fingerprint('good', 'sha256') ]) {
    my ($is, %option) = @$case;
    my $server = tls_script(tls_of('good'), @lmtp);
    my $lmtp = Net::LMTP->new($server->args, SSL => 1, trusting(), %option) or die $@;
    is(Mail::Wire::TLS::is_verified($lmtp), $is, "verified: $is, with @{[ sort keys %option ]}");
}

# ---- the name that is asked for (SNI)

for my $case ([ '127.0.0.1', undef ], [ 'localhost', 'localhost' ], [ '127.0.0.1', 'mx.example', SSL_hostname => 'mx.example' ]) {
    my ($host, $asked, %option) = @$case;
    my $server = ScriptedServer->new(script => sub {
        my ($peer) = @_;
        $peer->tls(tls_of('good'));
        my $found = $peer->{peer}->get_servername;
        $peer->reply('220 ' . (defined $found ? $found : 'nothing'));
        $peer->expect(qr/^LHLO/);
        $peer->reply('250 me');
    });
    my $lmtp = Net::LMTP->new($host, $server->port, SSL => 1, trusting(), %option) or die $@;
    is($lmtp->domain, defined $asked ? $asked : 'nothing', "$host: the name that is asked for");
}

# ---- versions of the protocol

SKIP: {
    my $server = tls_script(tls_of('good', SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0'), @lmtp);
    my $lmtp = Net::LMTP->new($server->args, SSL => 1, trusting(SSL_cipher_list => 'ALL:@SECLEVEL=0'));
    ok(!$lmtp, 'TLS 1.1: new fails');
    like($@, qr/\ATLS: .*(?:protocol|version|handshake)/, '... $@ says why');
}

# ---- a client's certificate

# In files; and what Net::SSLeay has read, of which the numbers are pointers.
my $client = tls_of('client');
my %read = (SSL_cert => IO::Socket::SSL::Utils::PEM_file2cert($client->{SSL_cert_file}), SSL_key => IO::Socket::SSL::Utils::PEM_file2key($client->{SSL_key_file}));
my %authority = trusting();
for my $own ({}, $client, \%read, { %read, SSL_cert => [ $read{SSL_cert} ] },
    { %$client, SSL_ca_file => undef, SSL_ca => [ IO::Socket::SSL::Utils::PEM_file2cert($authority{SSL_ca_file}) ] }) {
    my $has = %$own ? 1 : 0;
    my $server = tls_script(tls_of('good', SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, trusting()), @lmtp);
    my $lmtp = Net::LMTP->new($server->args, SSL => 1, trusting(), %$own, Timeout => 10);
    is($lmtp ? 1 : 0, $has, $has ? 'a certificate that is asked for' : 'none: new fails') or diag($@);
    like($@, qr/\ANet::LMTP: greeting: .*certificate required/, '... and $@ has the alert') if not $has;
}

done_testing;
