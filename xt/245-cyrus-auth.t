# AUTH against Cyrus' LMTP server: each mechanism that it has, on a port and on a UNIX socket, in plain text and over TLS.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use CyrusServer;
use RealServer;
use Test::More;

CyrusServer->need('saslpasswd2', 'Authen::SASL', 'Authen::SCRAM::Client', 'Digest::HMAC_MD5', 'IO::Socket::SSL');
require Net::LMTP;
require TLSTest;

use constant { USER => 'postman', PASSWORD => 'S3cret pass' };

my $dir = CyrusServer->directory;
my $tls = TLSTest::tls_of('named');
my %trust = TLSTest::trusting();
CyrusServer::write_file("$dir/$_->[0]", RealServer::slurp($_->[1]))
    for [ 'cert.pem', $tls->{SSL_cert_file} ], [ 'key.pem', $tls->{SSL_key_file} ], [ 'ca.pem', $trust{SSL_ca_file} ];
open my $passwords, '|-', 'saslpasswd2', '-p', '-c', '-f', "$dir/sasldb2", '-u', 'localhost', USER or die "saslpasswd2: $!";
print {$passwords} PASSWORD;
close $passwords or die 'saslpasswd2 failed';
CyrusServer::own("$dir/sasldb2");

my $conf = <<"CONF";
servername: localhost
lmtp_admins: @{[USER]} client
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $dir/sasldb2
sasl_mech_list: PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 DIGEST-MD5 CRAM-MD5 EXTERNAL
tls_server_cert: $dir/cert.pem
tls_server_key: $dir/key.pem
tls_client_ca_file: $dir/ca.pem
CONF

my @mail = (From => 'sender@example.org', To => [ 'alice', 'bob' ], Data => "From: <sender\@example.org>\nSubject: x\n\nx\n");

sub client {
    my ($server, %option) = @_;
    return Net::LMTP->new($server->path || ('localhost', $server->port), Family => $server->path ? undef : Socket::AF_INET(),
        Hello => 'client.example', Timeout => 60, %option);
}

# Mail is taken from who is known.
sub delivers {
    my ($lmtp, $name) = @_;
    return ok(0, $name) && diag($@) if !$lmtp;
    is_deeply([ map { $_->code } $lmtp->deliver(@mail) ], [ 250, 250 ], $name);
    return ok($lmtp->quit, '... quit');
}

{
    my $server = CyrusServer->start(dir => $dir, tcp => 1, conf => $conf . "allowplaintext: 1\n");
    my $lmtp = client($server) or die $@;
    is_deeply([ map { $_->code } $lmtp->deliver(@mail) ], [ 430, 430 ], 'nothing is taken from who is not known');

    # A wrong password is 501 here, where RFC 4954 6 has 535.
    for my $mechanism (qw(SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5 DIGEST-MD5)) {
        delivers(client($server, User => USER, Password => PASSWORD, Mechanisms => $mechanism), "$mechanism by new");
        ok(!client($server, User => USER, Password => 'another', Mechanisms => $mechanism), "$mechanism with another password");
        like($@, qr/\ANet::LMTP: AUTH: 5(?:01|35) /, '... says so');
        $lmtp = client($server) or die $@;
        is($lmtp->auth(USER, 'another', Mechanisms => $mechanism), 0, "$mechanism by auth, with another password");
        like($lmtp->code, qr/\A5(?:01|35)\z/, '... says so');
        ok($lmtp->auth(USER, PASSWORD, Mechanisms => $mechanism), '... with the right one') or diag $lmtp->code, ' ', $lmtp->message;
        is($lmtp->code, 235, '... its code');
        is($lmtp->auth(USER, PASSWORD, Mechanisms => $mechanism), 0, '... not a second time');
        delivers($lmtp, '... mail');
        $lmtp = client($server) or die $@;
        my $sasl = Authen::SASL->new(mechanism => $mechanism, callback => { user => USER, pass => PASSWORD });
        ok($lmtp->auth($sasl), '... by an Authen::SASL') or diag $lmtp->code, ' ', $lmtp->message;
        delivers($lmtp, '... mail');
    }
    delivers(client($server, User => USER, Password => PASSWORD), 'without a mechanism that is named');
}
{
    my $server = CyrusServer->start(dir => $dir, tcp => 1, conf => $conf);
    my $lmtp = client($server) or die $@;
    unlike($lmtp->supports('AUTH'), qr/\bPLAIN\b/, 'in plain text PLAIN is not offered');
    is($lmtp->auth(USER, PASSWORD, Mechanisms => 'PLAIN'), 0, '... and not tried');
    is($lmtp->code, 504, '... says so');
    my %secure = (%trust, StartTLS => 'require');
    delivers(client($server, %secure, User => USER, Password => PASSWORD, Mechanisms => $_), "$_ over TLS")
        for qw(PLAIN LOGIN SCRAM-SHA-256 DIGEST-MD5);
    delivers(client($server, %secure, %{ TLSTest::tls_of('client') }, Mechanisms => 'EXTERNAL'), 'EXTERNAL by a certificate');
    ok(!client($server, %secure, Mechanisms => 'EXTERNAL'), 'EXTERNAL without one');
    like($@, qr/\ANet::LMTP: AUTH: 504 No mechanism in common/, '... says so');
}
{
    my $server = CyrusServer->start(conf => $conf);
    my $lmtp = client($server) or die $@;
    is($lmtp->supports('AUTH'), 'EXTERNAL', 'a UNIX socket has EXTERNAL alone');
    delivers($lmtp, '... and needs nothing');
    $lmtp = client($server) or die $@;
    ok($lmtp->auth(undef, undef, Mechanisms => 'EXTERNAL'), '... but says 235 to it') or diag $lmtp->message;
    delivers($lmtp, '... mail');
}
done_testing;
