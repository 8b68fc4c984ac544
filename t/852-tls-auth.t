# AUTH over TLS: a password goes to a server that has shown who it is, and to no other; and what was offered in plain text is no offer.

use strict;
use warnings;

use Net::LMTP;
use Test::More;

use lib 't/lib';
use LMTPTest;
use ScriptedServer;
use TLSTest;

use Mail::Wire::AUTH;

# Loopback is safe without TLS: here it is not.
no warnings 'redefine';
*Mail::Wire::AUTH::is_private = sub { 0 };

my @who    = (User => 'ann', Password => 'secret');
my @hello  = (expect => qr/^LHLO client\.example$/, reply => [ '250-secure.example', '250 AUTH PLAIN' ]);
my @plain  = (expect => 'AUTH PLAIN AGFubgBzZWNyZXQ=', reply => '235 in', expect => qr/^LHLO client\.example$/, reply => '250 secure.example');
my $tls    = tls_of('named');
my @secure = (starttls_script(), tls => $tls, @hello);

sub client {
    my ($server, %option) = @_;
    return Net::LMTP->new('localhost', $server->port, Family => Socket::AF_INET(), Hello => 'client.example', trusting(), @who, %option);
}

# The script behind the greeting, options; undef: it goes well, else what $@ says.
my @cases = (
    [ 'STARTTLS',                           [ @secure, @plain ], [ StartTLS => 'require' ] ],
    [ 'STARTTLS where it is offered',       [ @secure, @plain ], [ StartTLS => 'offered' ] ],
    [ 'TLS from the start',                 [ tls => $tls, reply => '220 ready', @hello, @plain ], [ SSL => 1 ] ],
    [ 'a server that is not verified',      [@secure], [ StartTLS => 'require', SSL_verify_mode => 0 ], qr/AUTH: 538 PLAIN shows the secret/ ],
    [ 'a server that the caller lets pass', [@secure], [ StartTLS => 'require', SSL_verify_callback => sub { 1 } ], qr/AUTH: 538 PLAIN shows the secret/ ],
    [ 'a server whose name is not checked', [@secure], [ StartTLS => 'require', SSL_verifycn_scheme => 'none' ], qr/AUTH: 538 PLAIN shows the secret/ ],
    [ 'the same, when the caller says so',  [ @secure, @plain ], [ StartTLS => 'require', SSL_verify_mode => 0, AllowPlaintextAuth => 1 ] ],
    [ 'STARTTLS taken off the list',        [ hello_script('AUTH PLAIN') ], [ StartTLS => 'offered' ], qr/AUTH: 538 PLAIN shows the secret/ ],
    [ 'AUTH offered in front of TLS alone', [ starttls_script(), tls => $tls, expect => qr/^LHLO/, reply => '250 secure.example' ], [ StartTLS => 'require' ],
        qr/AUTH: 500 Command unknown/ ],
);
for my $case (@cases) {
    my ($name, $script, $options, $why) = @$case;
    my $server = ScriptedServer->new(script => $script);
    my $lmtp = client($server, @$options);
    my $error = $@;
    is(defined $lmtp ? 1 : 0, $why ? 0 : 1, $name) or diag $error;
    like($error, $why, '... $@ says why') if $why;
    is_deeply([ $server->problems ], [], '... the dialogue');
    unlike($server->received, qr/secret|AGFubgBzZWNyZXQ/, '... no secret') if $why;
}
{
    my $server = ScriptedServer->new(script => [ @secure, @plain ]);
    my $print = IO::Socket::SSL::Utils::PEM_file2cert($tls->{SSL_cert_file});
    my $pin = 'sha256$' . unpack 'H*', Net::SSLeay::X509_digest($print, Net::SSLeay::EVP_get_digestbyname('sha256'));
    my $lmtp = client($server, StartTLS => 'require', SSL_verify_mode => 0, SSL_fingerprint => $pin);
    ok($lmtp, 'a server that is known by its fingerprint') or diag $@;
    $server = ScriptedServer->new(script => [ @secure, @plain ]);
    $lmtp = Net::LMTP->new('localhost', $server->port, Family => Socket::AF_INET(), Hello => 'client.example', trusting());
    ok($lmtp->starttls && $lmtp->auth('ann', 'secret'), 'starttls, then auth') or diag $lmtp->message;
}
done_testing;
